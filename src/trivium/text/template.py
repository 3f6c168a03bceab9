"""The chat format as a Jinja template, for `tokenizer_config.json`: transformers, vLLM and others render by it.

It gives the same ids as `text.chat.render`, except for contents that spell a special token: Hugging Face's
tokenizers turn such a string into the token itself, `text.chat` never does. With `tools` it gives the ids of
`tools.loop.instructed`'s conversation.
"""

from __future__ import annotations

import json

from trivium.text.hermes import AFTER_TOOLS, BEFORE_TOOLS

CHAT_TEMPLATE = (
    r"""
{%- set rest = messages -%}
{%- if tools is defined and tools -%}
    {{- '<|im_start|>system\n' -}}
    {%- if messages and messages[0].role == 'system' -%}
        {%- set rest = messages[1:] -%}
        {%- if messages[0].content -%}{{- messages[0].content + '\n\n' -}}{%- endif -%}
    {%- endif -%}
    {{- BEFORE_TOOLS -}}
    {%- for tool in tools -%}{{- (tool | tojson) + '\n' -}}{%- endfor -%}
    {{- AFTER_TOOLS + '<|im_end|>\n' -}}
{%- endif -%}
{%- for message in rest -%}
    {{- '<|im_start|>' + message.role + '\n' -}}
    {%- if message.role == 'assistant' -%}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none -%}
            {{- '<think>' + message.reasoning_content + '</think>' -}}
        {%- endif -%}
        {%- set content = (message.content or '').lstrip() -%}
        {{- content -}}
        {%- if message.tool_calls is defined and message.tool_calls -%}
            {%- for call in message.tool_calls -%}
                {%- set function = call.function if call.function is defined else call -%}
                {{- '\n' if content or not loop.first else '' -}}
                {{- '<tool_call>\n{"name": ' + (function.name | tojson) + ', "arguments": ' -}}
                {%- if function.arguments is string and function.arguments -%}
                    {{- function.arguments -}}
                {%- else -%}
                    {{- (function.arguments or {}) | tojson -}}
                {%- endif -%}
                {{- '}\n</tool_call>' -}}
            {%- endfor -%}
        {%- endif -%}
    {%- elif message.role == 'tool' -%}
        {{- '<tool_response>\n' -}}
        {{- (message.content or '')
            | replace('<tool_call>', '‹tool_call>')
            | replace('</tool_call>', '‹/tool_call>')
            | replace('<tool_response>', '‹tool_response>')
            | replace('</tool_response>', '‹/tool_response>')
            | replace('<tools>', '‹tools>')
            | replace('</tools>', '‹/tools>') -}}
        {{- '\n</tool_response>' -}}
    {%- else -%}
        {{- message.content or '' -}}
    {%- endif -%}
    {{- '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\n' -}}
    {%- if enable_thinking is defined and enable_thinking is not none -%}
        {{- '<think>' if enable_thinking else '<think></think>' -}}
    {%- endif -%}
{%- endif -%}
""".strip()
    .replace("BEFORE_TOOLS", json.dumps(BEFORE_TOOLS))
    .replace("AFTER_TOOLS", json.dumps(AFTER_TOOLS))
)
