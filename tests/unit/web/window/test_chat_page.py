"""The chat page in a browser, against the real server with an engine that says what a script tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from webdriver import Browser

from trivium.text.tokenizer import Tokenizer
from trivium.web.refusal import Refusal

Visit = Callable[..., Browser]
Spell = Callable[[str], list[int]]
HOSTILE = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> ![i](https://example.org/p.png) '
    '[a](javascript:window.hacked=1) <a href="javascript:1">b</a>\n\n```html\n<iframe srcdoc="x"></iframe>\n```\n'
    "- <svg onload=window.hacked=1>\n# <style>*{display:none}</style>\n**<b>bold</b>** `<i>code</i>`"
)


class Arithmetic:
    """A toolbox of one tool that adds."""

    functions: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "add",
            "description": "Adds.",
            "parameters": {"type": "object", "properties": {"numbers": {"type": "string"}}},
        }
    ]

    def __init__(self) -> None:
        self.seen: list[Mapping[str, Any]] = []

    def perform(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        self.seen.append(arguments)
        if "numbers" in arguments:
            return str(sum(map(int, arguments["numbers"].split("+")))), False
        if "a" not in arguments:
            return "Error: the argument 'a' is missing", True
        return str(arguments["a"] + arguments["b"]), False


def answers(page: Browser) -> list[str]:
    return page.all_text(".answer .text")


def done(page: Browser) -> bool:
    return page.js("return document.getElementById('turns').getAttribute('aria-busy') === 'false'")


def say(page: Browser, words: str) -> None:
    """Say something and wait until the answer is over."""
    before = page.js("return document.querySelectorAll('.turn').length")
    page.press(words, "Enter")
    page.until(lambda: page.js("return document.querySelectorAll('.turn').length") > before)
    page.until(lambda: done(page))


def asked_of(served: Any, tokenizer: Tokenizer) -> list[str]:
    return [tokenizer.decode(request.ids) for request in served.engine.seen]


def test_an_answer_streams_and_is_counted(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("one two three<|im_end|>"), pause=0.03)
    page = visit(served)
    assert page.focused() == "say"
    page.press("Count", "Enter")
    seen = page.until(lambda: [text for text in answers(page) if 0 < len(text) < 13])
    assert "one two three".startswith(seen[0])
    page.until(lambda: done(page))
    assert answers(page) == ["one two three"]
    told = page.text(".figures")
    assert "tokens read" in told and "14 written" in told and "tokens/s" in told and "first after" in told
    assert page.all_text(".user .asis") == ["Count"]
    assert page.js("return document.getElementById('say').value") == ""


def test_stop_frees_the_slot_and_keeps_what_came(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("word " * 350), pause=0.01)
    page = visit(served)
    for way in ("key", "button"):
        page.press("Go on", "Enter")
        page.until(lambda: answers(page) and len(answers(page)[-1]) > 10)
        assert served.worker.live == 1
        page.press("Escape") if way == "key" else page.click("#stop")
        page.until(lambda: done(page))
        assert served.settled(3)
        assert answers(page)[-1].startswith("word word") and len(answers(page)[-1]) < 1500
        assert page.all_text(".figures")[-1].endswith("stopped")
        assert page.focused() == "say"


def test_asking_again_and_editing_go_on_from_there(
    served_script: Any, spell: Spell, visit: Visit, byte_tokenizer: Tokenizer
) -> None:
    said = iter(["first", "second", "third", "fourth"])
    served = served_script(lambda _: spell(f"{next(said)}<|im_end|>"))
    page = visit(served)
    say(page, "A?")
    say(page, "B?")
    assert answers(page) == ["first", "second"]
    page.press("Alt+r")
    page.until(lambda: answers(page) == ["first", "third"])
    page.until(lambda: done(page))
    assert "second" not in asked_of(served, byte_tokenizer)[-1]
    page.click(".user .acts button")  # the first message
    page.until(lambda: page.js("return document.activeElement.getAttribute('aria-label') || ''").startswith("Your"))
    page.press("Backspace", "Backspace", "C?", "Enter")
    page.until(lambda: answers(page) == ["fourth"])
    page.until(lambda: done(page))
    assert page.all_text(".user .asis") == ["C?"]
    last = asked_of(served, byte_tokenizer)[-1]
    assert "user\nC?" in last and "B?" not in last and "first" not in last
    page.press("Up")
    page.press("D", "Escape")
    assert page.all_text(".user .asis") == ["C?"] and page.focused() == "say"
    page.press("Alt+n")
    assert page.all_text(".turn") == [] and page.focused() == "say"


def test_thoughts_are_folded_counted_and_left_out_of_what_follows(
    served_script: Any, spell: Spell, visit: Visit, byte_tokenizer: Tokenizer
) -> None:
    served = served_script(lambda _: spell("<think>so be it</think>Yes.<|im_end|>"), pause=0.03)
    page = visit(served)
    page.press("Well?", "Enter")
    page.until(lambda: "Thinking:" in page.text(".thinking summary"))
    assert answers(page) == [""]
    page.until(lambda: done(page))
    assert page.all_text(".thoughts") == ["so be it"] and answers(page) == ["Yes."]
    assert page.js("return document.querySelector('.thinking').open") is False
    assert page.text(".thinking summary").startswith("Thought: 10 tokens, ")
    assert "10 of them thought" in page.text(".figures")  # with the tag that opens them
    page.click(".thinking summary")
    assert page.js("return document.querySelector('.thinking').open") is True
    page.press("Alt+w")
    say(page, "And?")
    assert "so be it" not in asked_of(served, byte_tokenizer)[-1] and "Yes." in asked_of(served, byte_tokenizer)[-1]


@pytest.mark.slow
def test_settings_reach_the_engine_and_wrong_ones_are_told(
    served_script: Any, spell: Spell, visit: Visit, byte_tokenizer: Tokenizer
) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"))
    page = visit(served)
    page.press("Alt+s")
    page.until(lambda: page.focused() == "set-system")
    page.press("Be brief.", "Tab", "Control+a", "0.3", "Tab", "Control+a", "0.5", "Tab", "7", "Tab", "11")
    page.press("Tab")
    page.js("const e = document.getElementById('set-think'); e.value = 'on'; e.dispatchEvent(new Event('input'))")
    page.press("Tab", "5", "Escape")
    assert page.focused() == "settings-button"
    page.click("#say")
    say(page, "Hello")
    request = served.engine.seen[-1]
    assert (request.temperature, request.top_p, request.max_new, request.seed) == (0.3, 0.5, 7, 11 * 1_000_003)
    assert request.think.most == 5
    prompt = asked_of(served, byte_tokenizer)[-1]
    assert prompt.startswith("<|im_start|>system\nBe brief.") and prompt.endswith("<think>")
    page.js("const e = document.getElementById('set-temperature'); e.value = 9; e.dispatchEvent(new Event('input'))")
    say(page, "Again")
    assert page.text(".trouble") == "Temperature is 9. A number from 0 to 2."
    assert len(served.engine.seen) == 1


@pytest.mark.slow
def test_refusals_are_told_with_their_mend(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"))
    page = visit(served)
    page.js("const e = document.getElementById('set-max_tokens'); e.value = 5000; e.dispatchEvent(new Event('input'))")
    say(page, "Hello")
    assert "max_tokens is 5000" in page.text(".trouble") and "or fewer" in page.text(".trouble")
    page.js("const e = document.getElementById('set-max_tokens'); e.value = ''; e.dispatchEvent(new Event('input'))")
    served.engine.fail = True
    page.press("Alt+r")
    page.until(lambda: "max_tokens" not in page.text(".trouble") and done(page))
    assert page.text(".trouble")
    served.engine.fail = False
    page.press("Alt+r")
    page.until(lambda: answers(page) == ["hi"])
    page.until(lambda: done(page))
    assert page.all_text(".trouble") == []
    assert all("Failed to load resource" in line for line in page.complaints())


@pytest.mark.slow
def test_a_server_that_is_gone_is_told(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("word " * 350), pause=0.02)
    page = visit(served)
    page.press("Go", "Enter")
    page.until(lambda: answers(page) and len(answers(page)[-1]) > 5)
    page.cdp("Network.enable")
    served.worker.abort(Refusal(503, "It stops. Ask later."))
    page.until(lambda: page.text(".trouble") == "It stops. Ask later.")
    page.cdp("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    try:
        say(page, "Still there?")
        assert "does not answer" in page.text(".trouble") and "trivium serve" in page.text(".trouble")
    finally:
        page.cdp(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
    assert all("ERR_INTERNET_DISCONNECTED" in line for line in page.complaints())


def test_what_a_model_says_is_text(served_script: Any, spell: Spell, visit: Visit) -> None:
    call = (
        "<tool_call>\n" + json.dumps({"name": "add", "arguments": {"<b>": "<img src=x onerror=1>"}}) + "\n</tool_call>"
    )
    script = [f"<think>{HOSTILE}</think>{HOSTILE}{call}<|im_end|>", f"{HOSTILE}<|im_end|>"]
    served = served_script(lambda _: spell(script.pop(0) if len(script) > 1 else script[0]), toolbox=Arithmetic())
    page = visit(served)
    say(page, HOSTILE.replace("\n", " "))
    assert page.js("return window.hacked") is None
    found = page.js("return [...new Set([...document.querySelectorAll('#turns *')].map(e => e.localName))]")
    assert not {"img", "script", "iframe", "svg", "style", "a", "b", "i", "object"} & set(found), found
    assert page.js("return document.querySelectorAll('#turns [style], #turns [onerror], #turns [src]').length") == 0
    shown = page.text(".answer .text")
    for piece in (
        '<img src=x onerror="window.hacked=1">',
        "https://example.org/p.png",
        "javascript:",
        "<iframe srcdoc",
    ):
        assert (piece in shown and piece in page.text(".thoughts")) or piece == "<iframe srcdoc"
    assert "<img src=x onerror=1>" in page.text(".call pre")
    with pytest.raises(Exception, match="TrustedHTML"):
        page.js("document.body.innerHTML = '<p>x</p>'")
    page.complaints()  # that very attempt


@pytest.mark.slow
def test_calls_are_made_and_their_results_go_back(
    served_script: Any, spell: Spell, visit: Visit, byte_tokenizer: Tokenizer
) -> None:
    calls = '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>'
    failing = '<tool_call>\n{"name": "add", "arguments": {}}\n</tool_call>'

    def script(request: Any) -> list[int]:
        prompt = byte_tokenizer.decode(request.ids)
        return spell("It is 5.<|im_end|>" if "is missing" in prompt else f"Let me see. {calls}{failing}<|im_end|>")

    tools = Arithmetic()
    served = served_script(script, toolbox=tools)
    page = visit(served)
    say(page, "2 + 3?")
    assert tools.seen == [{"a": 2, "b": 3}, {}]
    assert page.all_text(".call summary") == ["Calls add · done", "Calls add · failed"]
    assert page.all_text(".call .result") == ["5", "Error: the argument 'a' is missing"]
    assert "a: 2\nb: 3" in page.text(".call pre")
    assert answers(page) == ["Let me see.", "It is 5."]
    second = asked_of(served, byte_tokenizer)[-1]
    assert (
        second.index("Let me see.")
        < second.index('"a": 2')
        < second.index("\n5\n</tool_response>")
        < second.index("is missing")
    )


@pytest.mark.slow
def test_a_call_waits_for_leave_where_that_is_wished(served_script: Any, spell: Spell, visit: Visit) -> None:
    call = '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call><|im_end|>'
    said = iter([call, "Then not.<|im_end|>", call, call, call, call, call, call])
    tools = Arithmetic()
    served = served_script(lambda _: spell(next(said)), toolbox=tools)
    page = visit(served)
    page.js("document.getElementById('tool-ask').click()")
    page.press("2 + 3?", "Enter")
    page.until(lambda: page.focused() == "Call it")
    page.press("Tab", "Enter")
    page.until(lambda: answers(page)[-1:] == ["Then not."] and done(page))
    assert tools.seen == [] and page.all_text(".call summary") == ["Calls add · declined"]
    page.js("document.getElementById('tool-ask').click()")
    say(page, "Go on calling")  # as often as is allowed, and no more
    assert len(tools.seen) == 4 and page.all_text(".call summary")[-1] == "Calls add · not run"


def test_a_user_calls_a_tool_too(served_script: Any, spell: Spell, visit: Visit, byte_tokenizer: Tokenizer) -> None:
    tools = Arithmetic()
    served = served_script(lambda _: spell("I see.<|im_end|>"), toolbox=tools)
    page = visit(served)
    assert "/add" in page.text("#hint")
    say(page, "/ad 20+22")
    assert tools.seen == [{"numbers": "20+22"}] and page.all_text(".tool .result") == ["42"] and not served.engine.seen
    say(page, "/other 1")
    assert (
        "\n42\n</tool_response>" in asked_of(served, byte_tokenizer)[-1]
        and "user\n/other 1" in asked_of(served, byte_tokenizer)[-1]
    )


def test_by_keyboard_alone(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("hello<|im_end|>"))
    page = visit(served)
    page.press("one", "Shift+Enter", "two", "Enter")
    page.until(lambda: answers(page) == ["hello"] and done(page))
    assert page.all_text(".user .asis") == ["one\ntwo"]
    page.js("document.querySelector('.skip').focus()")
    order = [page.focused()]
    for _ in range(14):
        page.press("Tab")
        order.append(page.focused())
        ring = page.js(
            "const e = document.activeElement; const s = getComputedStyle(e.type === 'radio' ? e.nextSibling : e);"
            "return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2"
        )
        assert ring, order
        if order[-1] == "send":
            break
    bar = ["To the message field", "trivium", "Chat", "keys-button", "settings-button", "theme"]
    assert order == [*bar, "INPUT", "new", "Edit", "Copy", "Copy", "Ask again", "say", "send"]
    page.press("Alt+w")
    assert page.focused() == "say"
    page.press("Alt+k")
    assert page.js("return document.getElementById('keys').open") is True
    assert "Alt+R" in page.text("#keys-list") and "Escape" in page.text("#keys-list")
    page.press("Escape")
    assert page.js("return document.getElementById('keys').open") is False


def test_light_dark_and_narrow(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("`" * 3 + "\n" + "long " * 60 + "\n" + "`" * 3 + "<|im_end|>"))
    page = visit(served)
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.js(ground)
    page.scheme("dark")
    dark = page.js(ground)
    assert light == "rgb(252, 251, 248)" and dark == "rgb(23, 22, 19)"
    for name, colour in (("light", light), ("dark", dark), ("", dark)):
        page.js(
            "const e = document.getElementById('theme'); e.value = arguments[0]; e.dispatchEvent(new Event('change'))",
            name,
        )
        assert page.js(ground) == colour
    page.js("const e = document.getElementById('theme'); e.value = 'light'; e.dispatchEvent(new Event('change'))")
    page.open(f"{served.url}/")
    assert page.js(ground) == light
    page.until(lambda: page.focused() == "say")
    say(page, "w" * 200)
    page.size(360, 700)
    assert page.js("return document.documentElement.scrollWidth") <= 360
    page.click("#settings-button")
    assert page.js("return document.documentElement.scrollWidth") <= 360


@pytest.mark.slow
def test_listeners_hear_sentences_not_tokens(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("One is said. Two is said. Then more<|im_end|>"), pause=0.005)
    page = visit(served)
    page.js(
        "window.heard = []; new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(n => "
        "window.heard.push(n.textContent)))).observe(document.getElementById('live'), {childList: true})"
    )
    say(page, "Speak")
    heard = page.js("return window.heard")
    assert heard[0] == "script answers" and heard[-1] == "The answer is complete."
    assert " ".join(heard[1:-1]) == "One is said. Two is said. Then more" and len(heard) <= 5
    live = page.js("const e = document.getElementById('live'); return [e.role, e.ariaLive]")
    assert live == ["status", "polite"]


@pytest.mark.slow
def test_a_base_model_continues_a_document(
    served_script: Any, spell: Spell, visit: Visit, byte_tokenizer: Tokenizer
) -> None:
    said = iter([" of bread", " of beer", " and so on<|endoftext|>", " upon a time"])
    served = served_script(lambda _: spell(next(said)), stage="pretrain")
    page = visit(served)
    assert "knows no conversation" in page.text("#about")
    assert page.text("#send") == "Continue" and page.text("#new") == "New document"
    page.js("const e = document.getElementById('set-max_tokens'); e.value = 9; e.dispatchEvent(new Event('input'))")
    page.press("A loaf", "Enter")
    page.until(lambda: page.text(".paper") == "A loaf of bread" and done(page))
    assert asked_of(served, byte_tokenizer) == ["<|endoftext|>A loaf"] and served.engine.seen[0].max_new == 9
    assert page.js("return document.querySelector('.paper .theirs').textContent") == " of bread"
    page.press("Alt+r")
    page.until(lambda: page.text(".paper") == "A loaf of beer")
    page.until(lambda: done(page))
    assert asked_of(served, byte_tokenizer)[-1] == "<|endoftext|>A loaf"
    page.js("const e = document.getElementById('set-max_tokens'); e.value = ''; e.dispatchEvent(new Event('input'))")
    page.press("Enter")
    page.until(lambda: page.text(".paper") == "A loaf of beer and so on")
    page.until(lambda: "the document ends here" in page.text(".figures"))
    page.press("Up")
    page.until(
        lambda: page.js("return document.activeElement.getAttribute('aria-label')") == "The document, to be changed"
    )
    page.press("Control+a", "Once", "Control+Enter")
    page.until(lambda: page.text(".paper") == "Once upon a time" and done(page))
    page.press("Alt+s")
    assert page.focused() == "set-temperature"  # what is only for conversations is not there


@pytest.mark.slow
def test_what_was_said_outlives_a_reload_and_ends_with_the_chat(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"))
    page = visit(served)
    say(page, "Hello")
    page = visit(served)
    assert answers(page) == ["hi"] and page.all_text(".user .asis") == ["Hello"]
    page.press("Alt+n")
    page = visit(served)
    assert page.all_text(".turn") == []


@pytest.mark.slow
def test_a_token_is_asked_for_in_words(served_script: Any, spell: Spell, chromium: Browser) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"), token="s3cret")
    chromium.open(f"{served.url}/")
    chromium.until(lambda: chromium.js("return document.getElementById('token').open"))
    chromium.press("s3cret", "Enter")
    chromium.until(lambda: chromium.all_text(".chip"))
    say(chromium, "Hello")
    assert answers(chromium) == ["hi"]
    assert all("401" in line for line in chromium.complaints())


@pytest.mark.slow
def test_the_copied_answer_is_what_was_said(served_script: Any, spell: Spell, visit: Visit) -> None:
    served = served_script(lambda _: spell("**bold** and `code`<|im_end|>"))
    page = visit(served)
    page.cdp("Browser.grantPermissions", origin=served.url, permissions=["clipboardReadWrite"])
    say(page, "Hello")
    assert answers(page) == ["bold and code"]
    page.press("Alt+c")
    read = "const back = arguments[0]; navigator.clipboard.readText().then(back, back)"
    page.until(lambda: page.do("POST", "/execute/async", {"script": read, "args": []}) == "**bold** and `code`")
