"""The real `openai` client against a real server: every endpoint and field that it may use, on a tiny random model."""

from __future__ import annotations

import math
from typing import Any

import openai
import pytest

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def client(tiny: Any) -> openai.OpenAI:
    found: openai.OpenAI = tiny.client
    return found


def said(client: openai.OpenAI, **options: Any) -> Any:
    asked = {"model": "sft", "messages": HELLO, "max_tokens": 12, "temperature": 0} | options
    return client.chat.completions.create(**asked)


def written(client: openai.OpenAI, **options: Any) -> Any:
    asked = {"model": "base", "prompt": "Once upon", "max_tokens": 12, "temperature": 0} | options
    return client.completions.create(**asked)


def test_models_are_the_runs_stages_in_order(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["base", "sft"]
    assert client.models.retrieve("base").id == "base"


def test_a_model_that_is_not_there_is_404_with_a_hint(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean 'base'"):
        client.models.retrieve("bases")
    with pytest.raises(openai.NotFoundError) as caught:
        said(client, model="gpt-9")
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


def test_a_chat_answer_is_whole(client: openai.OpenAI) -> None:
    answer = said(client)
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "sft"
    assert answer.system_fingerprint
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_greedy_answers_repeat_and_models_differ(client: openai.OpenAI) -> None:
    assert said(client).choices[0].message.content == said(client).choices[0].message.content
    assert said(client).choices[0].message.content != said(client, model="base").choices[0].message.content


def test_max_completion_tokens_is_the_newer_name(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="sft", messages=HELLO, max_completion_tokens=3)
    assert answer.usage.completion_tokens == 3


def test_a_seed_repeats_and_seeds_differ(client: openai.OpenAI) -> None:
    one, again, other = (
        said(client, temperature=1.5, seed=seed).choices[0].message.content for seed in (5, 5, 6)
    )  # fmt: skip
    assert one == again
    assert one != other


def test_without_a_seed_answers_differ(client: openai.OpenAI) -> None:
    found = {said(client, temperature=2, max_tokens=20).choices[0].message.content for _ in range(3)}
    assert len(found) > 1


def test_n_gives_choices_that_differ(client: openai.OpenAI) -> None:
    answer = said(client, n=4, temperature=1.5, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert len({choice.message.content for choice in answer.choices}) > 1
    assert answer.usage.completion_tokens == 48
    assert answer.usage.prompt_tokens == said(client).usage.prompt_tokens


@pytest.mark.parametrize("seed", range(4))
def test_a_streamed_answer_is_the_whole_one(client: openai.OpenAI, seed: int) -> None:
    options = {"temperature": 1.8, "seed": seed, "max_tokens": 40}
    whole = said(client, **options)
    chunks = list(said(client, stream=True, **options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}


def test_a_stream_of_several_choices_is_told_apart(client: openai.OpenAI) -> None:
    options = {"temperature": 1.5, "seed": 3, "n": 3}
    whole = [choice.message.content for choice in said(client, **options).choices]
    texts = ["", "", ""]
    for chunk in said(client, stream=True, **options):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == whole


def test_the_usage_chunk_is_last_and_only_on_request(client: openai.OpenAI) -> None:
    chunks = list(said(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 12
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert all(chunk.usage is None for chunk in said(client, stream=True))


def test_the_clients_own_stream_helper_gathers_the_answer(client: openai.OpenAI) -> None:
    stop = said(client).choices[0].message.content[5:7]
    options: Any = {"model": "sft", "messages": HELLO, "max_tokens": 12, "temperature": 0, "stop": stop}
    with client.chat.completions.stream(**options) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == said(client, stop=stop).choices[0].message.content


def test_logprobs_come_with_bytes_and_alternatives(client: openai.OpenAI) -> None:
    answer = said(client, logprobs=True, top_logprobs=4)
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == 12
    raw = b"".join(bytes(token.bytes) for token in tokens)
    assert raw.decode("utf-8", "replace") == answer.choices[0].message.content
    for token in tokens:
        assert len(token.top_logprobs) == 4
        assert token.logprob == max(each.logprob for each in token.top_logprobs)
        assert token.logprob <= 0


def test_streamed_logprobs_are_the_whole_ones(client: openai.OpenAI) -> None:
    options = {"logprobs": True, "top_logprobs": 2, "temperature": 1.0, "seed": 9}
    whole = said(client, **options).choices[0].logprobs.content
    chunks = said(client, stream=True, **options)
    parts = [each for chunk in chunks if chunk.choices[0].logprobs for each in chunk.choices[0].logprobs.content]
    assert [part.bytes for part in parts] == [part.bytes for part in whole]
    assert [part.logprob for part in parts] == pytest.approx([part.logprob for part in whole], abs=1e-5)


def test_without_logprobs_there_are_none(client: openai.OpenAI) -> None:
    assert said(client).choices[0].logprobs is None


def test_a_stop_string_ends_the_answer_and_is_not_in_it(client: openai.OpenAI) -> None:
    free = said(client, max_tokens=40).choices[0].message.content
    stop = free[6:9]
    for stream in (False, True):
        answer = said(client, max_tokens=40, stop=[stop, "never comes"], stream=stream)
        if stream:
            chunks = list(answer)
            text, finish = (
                "".join(c.choices[0].delta.content or "" for c in chunks),
                chunks[-1].choices[0].finish_reason,
            )
        else:
            text, finish = answer.choices[0].message.content, answer.choices[0].finish_reason
        assert text == free[: free.find(stop)]
        assert finish == "stop"


def test_logit_bias_forces_and_forbids(client: openai.OpenAI) -> None:
    answer = said(client, logit_bias={"65": 100})
    assert answer.choices[0].message.content == "A" * 12
    assert "A" not in said(client, logit_bias={"65": -100}, max_tokens=30).choices[0].message.content


def test_our_extras_come_through_extra_body(client: openai.OpenAI) -> None:
    one = said(client, temperature=2, seed=1, extra_body={"top_k": 1})
    assert one.choices[0].message.content == said(client).choices[0].message.content
    said(client, extra_body={"min_p": 0.1, "repetition_penalty": 1.1, "think": False}, top_p=0.9)


def test_what_means_nothing_here_is_accepted(client: openai.OpenAI) -> None:
    said(client, user="me", metadata={"a": "b"}, store=False, frequency_penalty=0, presence_penalty=0.0,
         response_format={"type": "text"}, service_tier="auto", parallel_tool_calls=False)  # fmt: skip


def test_content_may_come_in_parts_and_answers_may_be_sent_back(client: openai.OpenAI) -> None:
    parts: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}]
    first = said(client, messages=parts)
    assert first.choices[0].message.content == said(client).choices[0].message.content
    back = [*HELLO, first.choices[0].message.model_dump(), {"role": "user", "content": "And?"}]
    assert said(client, messages=back).choices[0].message.content
    assert said(client, messages=[{"role": "developer", "content": "Be brief."}, *HELLO]).choices


@pytest.mark.parametrize(
    ("options", "param", "words"),
    [
        ({"messages": []}, "messages", "one or more"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages", "'king'"),
        ({"temperature": 3}, "temperature", "<= 2"),
        ({"temperature": "hot"}, "temperature", "'hot'"),
        ({"top_p": -1}, "top_p", "-1"),
        ({"n": 10**6}, "n", "1000000"),
        ({"n": 0}, "n", "n is 0"),
        ({"max_tokens": 10**9}, "max_tokens", "1000000000"),
        ({"max_tokens": 0}, "max_tokens", "1 or more"),
        ({"max_tokens": 250}, "max_tokens", "256"),
        ({"stop": ["x"] * 17}, "stop", "17"),
        ({"stop": "y" * 201}, "stop", "200"),
        ({"stop": ""}, "stop", "1 to 200"),
        ({"logit_bias": {"x": 1}}, "logit_bias", "token ids"),
        ({"logit_bias": {"99999": 1}}, "logit_bias", "99999"),
        ({"logit_bias": {"5": 1000}}, "logit_bias", "-100 to 100"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "21"),
        ({"top_logprobs": 2}, "top_logprobs", "logprobs"),
        ({"frequency_penalty": 1.0}, "frequency_penalty", "repetition_penalty"),
        ({"response_format": {"type": "json_object"}}, "response_format.type", "json_object"),
        ({"seed": 1.5}, "seed", "1.5"),
        ({"extra_body": {"temprature": 1}}, "temprature", "Did you mean 'temperature'"),
        ({"extra_body": {"min_p": 7}}, "min_p", "7"),
        ({"extra_body": {"think": "yes"}}, "think", "'yes'"),
        ({"messages": [{"role": "user", "content": "x", "contents": "y"}]}, "contents", "Did you mean 'content'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
         "messages[0].content[0].type", "Only text"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_400_with_field_value_and_mend(
    client: openai.OpenAI, options: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        said(client, **options)
    assert caught.value.param == param
    assert words in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_a_prompt_beyond_the_context_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        said(client, messages=[{"role": "user", "content": "x" * 300}])
    assert caught.value.code == "context_length_exceeded"
    assert "256" in caught.value.message


def test_completions_continue_texts(client: openai.OpenAI) -> None:
    answer = written(client)
    assert answer.object == "text_completion"
    assert answer.choices[0].text
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 12
    assert written(client, max_tokens=openai.omit).usage.completion_tokens == 16


def test_several_prompts_times_n(client: openai.OpenAI) -> None:
    answer = written(client, prompt=["One", "Two"], n=2, temperature=1.0, seed=4)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    alone = [written(client, prompt=text).choices[0].text for text in ("One", "Two")]
    both = written(client, prompt=["One", "Two"])
    assert [choice.text for choice in both.choices] == alone


def test_token_ids_are_prompts_as_they_are(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    ids = [*byte_tokenizer.opening, *byte_tokenizer.encode("Once upon")]
    assert written(client, prompt=ids).choices[0].text == written(client).choices[0].text
    many = written(client, prompt=[ids, ids[:4]])
    assert many.choices[0].text == written(client).choices[0].text
    with pytest.raises(openai.BadRequestError, match="Token ids are 0 to 262"):
        written(client, prompt=[1, 2, 999])


def test_echo_puts_the_prompt_before_the_text(client: openai.OpenAI) -> None:
    assert written(client, echo=True).choices[0].text == "Once upon" + written(client).choices[0].text


def test_max_tokens_0_scores_the_prompt_alone(client: openai.OpenAI) -> None:
    answer = written(client, echo=True, max_tokens=0, logprobs=2).choices[0]
    assert answer.text == "Once upon"
    assert answer.logprobs.tokens == list("Once upon")
    assert answer.logprobs.text_offset == list(range(9))
    assert all(value is not None and value < 0 for value in answer.logprobs.token_logprobs)
    for name, value, best in zip(
        answer.logprobs.tokens, answer.logprobs.token_logprobs, answer.logprobs.top_logprobs, strict=True
    ):
        assert best[name] == value
        assert 2 <= len(best) <= 3
    with pytest.raises(openai.BadRequestError, match="only with echo"):
        written(client, max_tokens=0)


def test_completion_logprobs_add_up(client: openai.OpenAI) -> None:
    """What was written scores the same when it is read as a prompt."""
    free = written(client, logprobs=0).choices[0]
    ids_logprobs = free.logprobs.token_logprobs
    both = written(client, echo=True, logprobs=1).choices[0]
    assert both.logprobs.token_logprobs[-12:] == pytest.approx(ids_logprobs, abs=1e-4)
    assert len(both.logprobs.tokens) == 9 + 12
    assert not any(math.isnan(value) for value in ids_logprobs)


def test_completions_stream(client: openai.OpenAI) -> None:
    several: Any = {"n": 2, "temperature": 1.0, "seed": 2}
    for options in ({}, {"echo": True}, several, {"logprobs": 1}, {"logprobs": 1, "echo": True}):
        whole = written(client, **options)
        texts = [""] * len(whole.choices)
        figures: list[Any] = []
        for chunk in written(client, stream=True, **options):
            for choice in chunk.choices:
                texts[choice.index] += choice.text
                figures += choice.logprobs.token_logprobs if choice.logprobs else []
        assert texts == [choice.text for choice in whole.choices]
        if "logprobs" in options:
            assert figures == pytest.approx(whole.choices[0].logprobs.token_logprobs, abs=1e-5)


def test_suffix_and_best_of_are_refused_by_name(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not fill gaps"):
        written(client, suffix="the end")
    with pytest.raises(openai.BadRequestError, match="best_of"):
        written(client, best_of=3)
