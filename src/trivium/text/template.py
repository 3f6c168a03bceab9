"""The chat format as a Jinja template, for `tokenizer_config.json`: transformers, vLLM and others render by it.

It gives the same ids as `text.chat.render`, except for contents that spell a special token: Hugging Face's
tokenizers turn such a string into the token itself, `text.chat` never does.
"""

from __future__ import annotations

CHAT_TEMPLATE = r"""
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\n' -}}
    {%- if message.role == 'assistant' -%}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none -%}
            {{- '<think>' + message.reasoning_content + '</think>' -}}
        {%- endif -%}
        {{- (message.content or '').lstrip() -}}
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
