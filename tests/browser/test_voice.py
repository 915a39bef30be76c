"""Voice on the page: answers read aloud while they are written, and dictation with a microphone that plays a file."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests import browsers
from tests.browser.conftest import TIMEOUT_MS, Open, Watch, sign_in
from tests.browser.steps import answer, say, script, wait_for_end
from tests.people import Person
from tests.provider import ScriptedProvider
from tests.speech import sounds
from tests.speech.engines import configured

WORDS = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def remote(provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """Answers are read by the scripted provider, which is watched."""
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url):
        provider.routes.audio.reset()
        yield provider


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears: two seconds of silence, a sentence, silence."""
    with ThreadPoolExecutor(1) as pool:  # Playwright has a loop in this thread
        spoken = pool.submit(lambda: asyncio.run(sounds.say(WORDS))).result()
    samples = spoken[44:]
    path = tmp_path_factory.mktemp("microphone") / "said.wav"
    path.write_bytes(sounds.wav(bytes(22_050 * 2) + samples + bytes(22_050 * 4), rate=22_050))
    return path


@pytest.fixture
def with_microphone(
    browser: Browser, recording: Path, server: str, watch: Watch
) -> Iterator[Callable[..., Page]]:
    """Opens the chat page in a browser whose microphone plays the recording; `deny` forbids it."""
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}",
    ]
    path = browsers.chromium()
    launched: list[Browser] = []

    def make(person: Person, deny: bool = False, **options: Any) -> Page:
        answered = f"--use-fake-ui-for-media-stream{'=deny' if deny else ''}"
        launched.append(browser.browser_type.launch(executable_path=path, args=[*arguments, answered]))
        context: BrowserContext = launched[-1].new_context(base_url=server, locale="en-US", **options)
        context.set_default_timeout(TIMEOUT_MS)
        watch.follow(context)
        page = context.new_page()
        sign_in(page, person)
        return page

    yield make
    for each in launched:
        each.close()


def reading(page: Page, state: str) -> None:
    expect(answer(page)).to_have_attribute("data-reading", state)


def until(page: Page, expression: str) -> None:
    """Wait for what no locator tells; Playwright's own way would need `eval`, which our pages forbid."""
    for _time in range(150):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(expression)


def recorded_for(page: Page, seconds: int) -> None:
    """Wait until the recording is so long; on a busy machine its clock may leap over a second."""
    clock = "document.querySelector('[data-clock]').textContent.split(':')"
    until(page, f"{clock}.reduce((minutes, seconds) => 60 * minutes + 1 * seconds) >= {seconds}")


def read_aloud(page: Page) -> None:
    answer(page).locator("[data-speak]").click()


def test_reading_begins_while_the_answer_is_written(
    visit: Open, alice: Person, remote: ScriptedProvider
) -> None:
    page = visit(alice)
    say(page, script(text="The first sentence is here. " + "And it goes on and on for a while. " * 3, rate=6))
    expect(answer(page).locator("[data-speak]")).to_be_visible()
    read_aloud(page)
    reading(page, "reading")
    assert answer(page).get_attribute("data-status") == "streaming"
    assert remote.routes.audio.spoken[0].input == "The first sentence is here."
    wait_for_end(page)
    reading(page, "")
    assert len(remote.routes.audio.spoken) >= 2


def test_reading_twice_asks_the_provider_once(visit: Open, alice: Person, remote: ScriptedProvider) -> None:
    page = visit(alice)
    say(page, script(text="One sentence. And another one."))
    wait_for_end(page)
    for _time in range(2):
        read_aloud(page)
        expect(answer(page).locator("[data-speak]")).to_have_attribute("aria-pressed", "true")
        reading(page, "")
    asked = sorted(each.input for each in remote.routes.audio.spoken)  # both at the same time
    assert asked == ["And another one.", "One sentence."]


def page_with_an_answer(visit: Open, person: Person) -> Page:
    page = visit(person)
    say(page, script(text="Something long."))
    wait_for_end(page)
    return page


def stop_reading(page: Page, provider: ScriptedProvider) -> None:
    """Stop what is being read; the provider loses its listener."""
    read_aloud(page)
    reading(page, "")
    page.wait_for_timeout(500)
    assert [each.ended for each in provider.routes.audio.spoken] == ["dropped"]


def test_stop_ends_the_reading_and_the_providers_work(
    visit: Open, alice: Person, provider: ScriptedProvider
) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="endless"):
        provider.routes.audio.reset()
        page = page_with_an_answer(visit, alice)
        with page.expect_response(re.compile("/speech/0")):
            read_aloud(page)
        reading(page, "waiting")
        stop_reading(page, provider)


def test_sound_begins_while_the_rest_of_it_is_on_its_way(
    visit: Open, alice: Person, provider: ScriptedProvider
) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="paced-10000"):
        provider.routes.audio.reset()
        page = page_with_an_answer(visit, alice)
        read_aloud(page)
        reading(page, "reading")
        assert [each.ended for each in provider.routes.audio.spoken] == [""], "it is still being spoken"
        stop_reading(page, provider)


def test_what_is_stopped_before_it_began_is_not_heard(
    visit: Open, alice: Person, provider: ScriptedProvider
) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="paced-90000"):
        page = page_with_an_answer(visit, alice)
        page.evaluate("""() => {
          const play = HTMLMediaElement.prototype.play;
          window.played = 0;
          HTMLMediaElement.prototype.play = function () { window.played++; return play.call(this); };
        }""")
        with page.expect_response(re.compile("/speech/0")):
            read_aloud(page)
        page.wait_for_timeout(1_000)
        reading(page, "waiting")
        read_aloud(page)
        reading(page, "")
        page.wait_for_timeout(1_000)
        assert page.evaluate("window.played") == 1, "the silence that the tap unlocks sound with"


def test_a_voice_slower_than_speech_is_heard_to_its_end(
    visit: Open, alice: Person, provider: ScriptedProvider
) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="paced-4500"):
        page = page_with_an_answer(visit, alice)
        read_aloud(page)
        reading(page, "reading")
        page.wait_for_timeout(5_000)  # the three seconds of it would be over, but for the pause
        reading(page, "reading")
        reading(page, "")
        expect(page.locator("#composer-notice")).to_be_hidden()


def test_a_browser_that_cannot_play_what_still_arrives_plays_what_has_arrived(
    visit: Open, alice: Person, provider: ScriptedProvider
) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="paced-600"):
        page = visit(alice)
        say(page, script(text="Something. And more."))
        wait_for_end(page)
        page.evaluate("() => { delete window.MediaSource }")
        read_aloud(page)
        reading(page, "reading")
        reading(page, "")
        expect(page.locator("#composer-notice")).to_be_hidden()


def test_a_voice_that_breaks_off_is_heard_so_far_and_then_told(
    visit: Open, alice: Person, watch: Watch, provider: ScriptedProvider
) -> None:
    watch.allowed.append("ERR_INCOMPLETE_CHUNKED_ENCODING")
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="cut"):
        page = page_with_an_answer(visit, alice)
        read_aloud(page)
        reading(page, "reading")
        expect(page.locator("#composer-notice")).to_have_text("Cannot be read aloud: The voice broke off.")
        reading(page, "")


def test_one_tab_falls_silent_for_another(visit: Open, alice: Person, provider: ScriptedProvider) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="paced-10000"):
        page = page_with_an_answer(visit, alice)
        other = page.context.new_page()
        other.goto(page.url)
        read_aloud(page)
        reading(page, "reading")
        read_aloud(other)
        reading(other, "reading")
        reading(page, "")
        other.close()
        page.reload()
        expect(answer(page).locator("[data-speak]")).to_be_visible()


def test_a_reading_goes_on_when_the_thread_is_shown_anew(
    visit: Open, alice: Person, provider: ScriptedProvider
) -> None:
    with configured(TERTULIA_SPEECH_BASE_URL=provider.base_url, TERTULIA_SPEECH_VOICE="paced-10000"):
        page = page_with_an_answer(visit, alice)
        other = page.context.new_page()
        other.goto(page.url)
        read_aloud(page)
        reading(page, "reading")
        say(other, script(text="And something new."))
        expect(page.locator("#thread > .answer")).to_have_count(2)
        first = answer(page, 0)
        expect(first).to_have_attribute("data-reading", "reading")
        expect(first.locator("[data-speak]")).to_have_attribute("aria-pressed", "true")
        first.locator("[data-speak]").click()
        expect(first).to_have_attribute("data-reading", "")


def test_a_refusal_is_told_in_words(
    visit: Open, alice: Person, watch: Watch, remote: ScriptedProvider
) -> None:
    watch.allowed.append("429")
    with configured(TERTULIA_SPEECH_QUOTA=0):
        page = visit(alice)
        say(page, "Hello.")
        wait_for_end(page)
        read_aloud(page)
        expect(page.locator("#composer-notice")).to_contain_text("speech is used up")
        reading(page, "")


def test_the_built_in_voice_can_be_played(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text="Good morning."))
    wait_for_end(page)
    read_aloud(page)
    reading(page, "reading")
    reading(page, "")
    expect(page.locator("#composer-notice")).to_be_hidden()


def test_without_a_program_there_is_a_link_to_the_audio(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text="Good morning."))
    wait_for_end(page)
    path = page.url.removeprefix(page.evaluate("location.origin"))
    plain = visit(alice, path, java_script_enabled=False)
    link = answer(plain).get_by_role("link", name="Read this answer aloud")
    spoken = plain.request.get(link.get_attribute("href") or "")
    assert (spoken.status, spoken.headers["content-type"]) == (200, "audio/mpeg")
    expect(plain.locator("#dictate")).to_be_hidden()


def test_where_nothing_speaks_there_are_no_buttons(
    visit: Open, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tertulia.chat import speech

    # The outer one forgets the engines again after the patch has ended: until then the open page may ask for them.
    with configured(), monkeypatch.context() as patch:
        patch.setattr(speech, "is_installed", lambda: False)
        with configured():
            page = visit(alice)
            say(page, "Hello.")
            wait_for_end(page)
            expect(page.locator("[data-speak], #dictate, #dictation")).to_have_count(0)


def test_dictation_is_for_languages_that_are_understood(visit: Open, alice: Person) -> None:
    page = visit(alice, locale="ko-KR")
    expect(page.locator("#content")).to_be_visible()
    expect(page.locator("#dictate")).to_have_count(0)


def test_what_was_dictated_lands_in_the_field(with_microphone: Callable[..., Page], alice: Person) -> None:
    page = with_microphone(alice)
    page.fill("#content", "He said:")
    page.click("#dictate")
    expect(page.locator("#dictation .for-recording")).to_be_visible()
    until(page, "document.querySelector('#dictation meter').value > 0.4")
    assert Axe().run(page).violations_count == 0
    recorded_for(page, 5)
    page.click("#dictate")
    expect(page.locator("#dictation .for-writing").first).to_be_visible()
    heard = re.compile(r"He said: .*\b(fox|quick|lazy|brown|dog)\b")
    expect(page.locator("#content")).to_have_value(heard, timeout=60_000)
    expect(page.locator("#dictation")).to_be_hidden()
    expect(page.locator("#thread > li")).to_have_count(0)


def test_holding_and_cancelling(with_microphone: Callable[..., Page], alice: Person) -> None:
    page = with_microphone(alice)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "transcriptions" in request.url else None)
    page.click("#dictate")
    expect(page.locator("#dictation .for-recording")).to_be_visible()
    page.click("[data-dictation-cancel]")
    expect(page.locator("#dictation")).to_be_hidden()
    page.click("#dictate")
    expect(page.locator("#dictation .for-recording")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dictation")).to_be_hidden()
    assert asked == []
    page.hover("#dictate")
    page.mouse.down()
    expect(page.locator("#dictation .for-recording")).to_be_visible()
    page.wait_for_timeout(600)
    page.mouse.up()
    expect(page.locator("#dictation")).to_be_hidden(timeout=60_000)
    assert len(asked) == 1


def test_a_recording_ends_before_the_servers_limit(
    with_microphone: Callable[..., Page], alice: Person
) -> None:
    with configured(TERTULIA_TRANSCRIPTION_SECONDS=5):
        page = with_microphone(alice)
        with page.expect_response(re.compile("transcriptions"), timeout=60_000) as answered:
            page.click("#dictate")
        assert answered.value.status == 200
        expect(page.locator("#dictation")).to_be_hidden()


def test_a_slip_of_the_finger_is_not_sent(with_microphone: Callable[..., Page], alice: Person) -> None:
    page = with_microphone(alice)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "transcriptions" in request.url else None)
    page.evaluate("""() => new MutationObserver((_, observer) => {
      if (document.querySelector("#dictate").ariaPressed !== "true") return;
      observer.disconnect();
      document.querySelector("#dictate").click();
    }).observe(document.querySelector("#dictate"), { attributes: true })""")
    page.click("#dictate")
    expect(page.locator("#composer-notice")).to_contain_text("Nothing was heard")
    assert asked == []


def test_a_microphone_that_is_pulled_out_ends_the_recording(
    with_microphone: Callable[..., Page], alice: Person
) -> None:
    page = with_microphone(alice)
    page.evaluate("""() => {
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => (window.opened = await open(wanted));
    }""")
    page.click("#dictate")
    recorded_for(page, 1)
    with page.expect_response(re.compile("transcriptions"), timeout=60_000) as answered:
        page.evaluate("() => window.opened.getTracks().forEach((track) => track.stop())")
    assert answered.value.status == 200
    expect(page.locator("#dictation")).to_be_hidden()


def test_a_forbidden_microphone_is_explained(with_microphone: Callable[..., Page], alice: Person) -> None:
    page = with_microphone(alice, deny=True)
    page.click("#dictate")
    expect(page.locator("#composer-notice")).to_contain_text("may not use the microphone")
    expect(page.locator("#dictation")).to_be_hidden()


def test_no_microphone_is_explained(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.context.grant_permissions(["microphone"])
    page.click("#dictate")
    expect(page.locator("#composer-notice")).to_have_text("No microphone was found.")
    expect(page.locator("#dictation")).to_be_hidden()


def test_a_page_without_encryption_says_why_there_is_no_microphone(visit: Open, alice: Person) -> None:
    page = visit(alice)
    # As browsers show themselves to pages over http of another machine.
    page.evaluate("""() => {
      Object.defineProperty(window, "isSecureContext", { value: false });
      Object.defineProperty(navigator, "mediaDevices", { value: undefined });
    }""")
    page.click("#dictate")
    expect(page.locator("#composer-notice")).to_contain_text("only to pages over https")
