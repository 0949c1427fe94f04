# SPDX-License-Identifier: Apache-2.0
"""The page at / of the API's port, in Chromium, with a daemon and models that are real."""
import json
import os
import shutil
import tempfile
import time
import unittest
from pathlib import Path

from browser import Browser
from harness import Daemon, Home, model_directory

PICTURES = Path(__file__).resolve().parents[3] / "build/dashboard"
DATA = Path(__file__).resolve().parents[2] / "data/models"
HOSTILE = "<img src=x onerror=globalThis.stolen=1>"


class PageTest(unittest.TestCase):
    """A daemon with the models of MODELS (name: what tools/deps installs), and a browser."""
    MODELS = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="accel-page-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.home = Home(cls.folder / "home")
        for name, installed in cls.MODELS.items():
            cls.home.add(model_directory(installed), "--name", name)
        cls.daemon = Daemon(cls.home, "--api", "127.0.0.1:0")
        cls.addClassCleanup(cls.daemon.stop)
        cls.url = cls.daemon.where["api"] + "/"
        cls.link = json.loads(cls.home.ok("dashboard", "--json"))["link"]
        cls.token = (cls.home.path / "api.token").read_text().strip()
        cls.browser = Browser(os.environ["CHROMIUM"])
        cls.addClassCleanup(cls.browser.close)

    def page(self, **options):
        return self.browser.page(**options)

    def signed_in(self, **options):
        page = self.page(**options)
        page.open(self.link)
        page.wait("document.getElementById('state')?.textContent === 'live'")
        page.wait(f"document.querySelectorAll('#model-rows tr').length >= {len(self.MODELS)}")
        return page

    def ask_chat(self, page, text, length):
        page.type("#chat-length", str(length))
        page.type("#chat-input", text)
        page.key("Enter", 13, "\r")
        page.wait("document.querySelector('#panel-chat [role=status]').textContent.includes('measured by this page')")


class DashboardTest(PageTest):
    MODELS = {"smollm": "smollm2-135m-q4_1", "minilm": "minilm-l6-f32"}

    def test_it_loads_clean_by_the_link_and_keeps_the_token_to_itself(self):
        page = self.signed_in()
        page.wait("document.querySelector('#devices .tag') !== null")
        time.sleep(2.5)  # Some more readings.
        self.assertEqual(page.complaints(), [])
        self.assertEqual(page.value("location.href"), self.url)
        history = page.send("Page.getNavigationHistory")
        self.assertFalse([entry for entry in history["entries"] if self.token in entry["url"]], history)
        for request in page.requests():
            self.assertTrue(request["url"].startswith(self.url), request["url"])
            self.assertNotIn(self.token, request["url"])
        self.assertIsNone(page.value("localStorage.getItem('ipfs-accelerate.token')"))
        self.assertIn("0.1.0", page.text("#facts"))
        self.assertIn(str(self.home.path), page.text("#facts"))
        self.assertIn("smollm", page.text("#model-rows"))
        self.assertIn("text-generation", page.text("#model-rows"))
        page.value("globalThis.before = true")
        page.send("Page.reload")  # The tab still knows the token.
        page.wait("!globalThis.before && document.getElementById('state')?.textContent === 'live'")

    def test_a_foreign_link_signs_nobody_out_and_nobody_in_as_another(self):
        page = self.signed_in()
        page.value("location.hash = '#token=' + '0'.repeat(64)")
        page.wait("location.hash === ''")
        time.sleep(2.5)  # Some more readings.
        self.assertEqual(page.value("document.getElementById('state').textContent"), "live")
        self.assertEqual(page.value("sessionStorage.getItem('ipfs-accelerate.token')"), self.token)

    def test_it_asks_for_the_token_and_takes_the_true_one_alone(self):
        page = self.page()
        page.open(self.url)
        self.assertFalse(page.value("document.getElementById('sign-in').hidden"))
        self.assertTrue(page.value("document.getElementById('signed-in').hidden"))
        self.assertEqual(page.complaints(), [])
        page.type("#token", "0" * 64)
        page.key("Enter", 13, "\r")
        page.wait("document.getElementById('sign-in-note').textContent.includes('does not take this token')")
        page.type("#token", self.token)
        page.key("Enter", 13, "\r")
        page.wait("document.getElementById('state')?.textContent === 'live'")
        page.click("#sign-out")
        page.wait("document.getElementById('state')?.textContent === 'not signed in'")
        self.assertIsNone(page.value("sessionStorage.getItem('ipfs-accelerate.token')"))

    def test_an_answer_streams_in_and_the_charts_count_it(self):
        page = self.signed_in()
        page.value("""globalThis.lengths = new Set();
          new MutationObserver(() => lengths.add(document.querySelector('.assistant .words')?.textContent.length ?? 0))
            .observe(document.querySelector('.log'), {childList: true, subtree: true, characterData: true})""")
        self.ask_chat(page, "What is the capital of France?", 24)
        self.assertGreater(page.value("lengths.size"), 3)  # Piece by piece.
        self.assertGreater(len(page.text(".assistant .words")), 20)
        self.assertIn("tokens in", page.text("#panel-chat [role=status]"))
        page.wait("[...document.querySelectorAll('#model-rows .tag')].length >= 1")
        page.wait("document.querySelector('#charts .line-0').getAttribute('d') !== ''")
        self.assertEqual(page.complaints(), [])

    def test_the_cosine_of_two_texts_shows(self):
        page = self.signed_in()
        page.click("#tab-embed")

        def cosine(first, second):
            page.type("#embed-first", first)
            page.type("#embed-second", second)
            page.value("document.getElementById('cosine').textContent = ''")
            page.click("#panel-embed button[type=submit]")
            page.wait("/^-?[01]\\.\\d{3}$/.test(document.getElementById('cosine').textContent)", 120)
            return float(page.text("#cosine"))

        near = cosine("A cat sleeps on the sofa.", "A kitten naps on the couch.")
        far = cosine("A cat sleeps on the sofa.", "The central bank raised interest rates.")
        self.assertGreater(near, 0.5)
        self.assertLess(far, 0.2)
        self.assertIn("384 dimensions", page.text("#panel-embed [role=status]"))
        self.assertEqual(page.complaints(), [])

    def test_hostile_texts_of_the_node_stay_texts(self):
        page = self.page()
        # The node refuses such names; here it tells some all the same, in every text of every method.
        page.send("Page.addScriptToEvaluateOnNewDocument", source="const hostile = " + json.dumps(HOSTILE) + """;
          const spoil = (value) => typeof value === 'string' ? (value.startsWith('text-') ? value : hostile + value)
            : Array.isArray(value) ? value.map(spoil)
            : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, spoil(one)])) : value;
          const ask = fetch;
          fetch = async (path, ...rest) => {
            const reply = await ask(path, ...rest);
            if (!String(path).startsWith('/api/v1/')) return reply;
            const lines = (await reply.text()).split('\\n').filter(Boolean);
            return new Response(lines.map((line) => JSON.stringify(spoil(JSON.parse(line)))).join('\\n'));
          };""")
        page.open(self.link)
        page.wait("document.querySelectorAll('#model-rows tr').length >= 2")
        page.wait("document.querySelector('#devices .tag') !== null")
        page.click("#model-rows .actions button:last-child")
        page.wait("document.querySelector('.details') !== null")
        time.sleep(1.5)
        self.assertIn(HOSTILE + "smollm", page.value("[...document.querySelectorAll('#model-rows th.name')].map((cell) => cell.textContent)"))
        self.assertIn(HOSTILE, page.text("#facts"))
        self.assertIsNone(page.value("globalThis.stolen ?? null"))
        self.assertEqual(page.value("document.querySelectorAll('main img:not(.preview), script:not([src])').length"), 0)
        self.assertEqual(page.complaints(), [])

    def test_html_and_scripts_that_got_in_would_not_run(self):
        page = self.signed_in()
        with self.assertRaisesRegex(AssertionError, "TrustedHTML"):
            page.value("document.getElementById('facts').innerHTML = '<b>x</b>'")
        page.value("""const script = document.createElement('script');
          try { script.textContent = 'globalThis.stolen = 1'; } catch { script.append('globalThis.stolen = 1'); }
          document.body.append(script)""")
        page.value("fetch('http://127.0.0.1:9/').catch(() => {})")
        self.assertIsNone(page.value("globalThis.stolen ?? null"))
        self.assertTrue(any("Content Security Policy" in json.dumps(one) for one in page.complaints()))

    def test_a_tab_of_another_family_shows_when_the_node_has_a_model_of_it(self):
        page = self.signed_in()
        self.assertTrue(page.value("document.getElementById('tab-classify').hidden"))
        other = self.page()
        other.send("Page.addScriptToEvaluateOnNewDocument", source="""const ask = fetch;
          fetch = async (path, ...rest) => path !== '/api/v1/models.list' ? ask(path, ...rest)
            : new Response(JSON.stringify({result: {models: [{name: 'eye', cid: 'bafy', task: 'image-classification', bytes: 1}, {name: 'reader', cid: 'bafz', task: 'image-to-text', bytes: 1}]}}));""")
        other.open(self.link)
        other.wait("!document.getElementById('tab-classify').hidden")
        other.wait("document.querySelector('#model-rows .actions button') !== null")
        other.click("#model-rows .actions button")  # Try
        self.assertEqual(other.value("document.activeElement.id"), "classify-file")
        self.assertFalse(other.value("document.getElementById('tab-read').hidden"))
        self.assertEqual(other.value("document.getElementById('read-model').value"), "reader")
        self.assertEqual(other.complaints(), [])

    def test_everything_has_a_name_and_tabs_go_by_keys(self):
        page = self.signed_in()
        nameless = page.value("""[...document.querySelectorAll('button, input, select, textarea, a, [role=img]')]
          .filter((one) => !(one.getAttribute('aria-label') || one.labels?.length || one.textContent.trim())).map((one) => one.outerHTML)""")
        self.assertEqual(nameless, [])
        page.value("document.getElementById('tab-chat').focus()")
        page.key("ArrowRight", 39)
        self.assertEqual(page.value("document.activeElement.id"), "tab-embed")
        self.assertFalse(page.value("document.getElementById('panel-embed').hidden"))
        self.assertTrue(page.value("document.getElementById('panel-chat').hidden"))

    def test_pictures_in_light_and_dark_on_phone_and_desktop(self):
        for dark in (False, True):
            for name, width, height in (("phone", 390, 844), ("desktop", 1280, 900)):
                with self.subTest(dark=dark, screen=name):
                    page = self.signed_in(width=width, height=height, dark=dark)
                    self.ask_chat(page, "Tell me about llamas.", 40)
                    page.click("#model-rows .actions button:last-child")
                    page.wait("document.querySelector('.details dl') !== null")
                    time.sleep(3)
                    page.value("document.activeElement.blur(); scrollTo(0, 0)")
                    self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width)
                    page.screenshot(PICTURES / f"{name}-{'dark' if dark else 'light'}.png")
        page = self.page(width=390, height=844)
        page.open(self.url)
        page.screenshot(PICTURES / "sign-in.png")

    def test_it_says_when_the_node_is_gone(self):
        other = Home(self.folder / "other")
        daemon = Daemon(other, "--api", "127.0.0.1:0")
        page = self.page()
        page.open(json.loads(other.ok("dashboard", "--json"))["link"])
        page.wait("document.getElementById('state')?.textContent === 'live'")
        page.wait("document.getElementById('model-rows').textContent.includes('None yet')")
        daemon.stop()
        page.wait("document.getElementById('state')?.textContent.includes('does not answer')")


class FilesTest(PageTest):
    """Files that are chosen in the page and go to models of images and recordings."""
    MODELS = {"smollm": "smollm2-135m-q4_1", "minilm": "minilm-l6-f32", "photos": "opennsfw"}

    def classify(self, page, name):
        page.click("#tab-classify")
        page.choose("#classify-file", DATA / "inputs" / name)
        page.wait("document.querySelector('#panel-classify .preview').naturalWidth > 0")
        page.click("#panel-classify button[type=submit]")
        page.wait("document.querySelector('#panel-classify .finding') !== null", 120)
        rows = page.value("[...document.querySelectorAll('#panel-classify .finding')].map((row) => [...row.children].map((one) => one.textContent))")
        return {label: float(score) for label, score, _ in rows}

    def test_a_picture_that_is_chosen_is_classified_as_the_reference_does(self):
        page = self.signed_in()
        self.assertFalse(page.value("document.getElementById('tab-classify').hidden"))
        cases = json.loads((DATA / "family_cases.json").read_text())["image_classification"]
        for case in cases:
            with self.subTest(case["file"]):
                found = self.classify(page, case["file"])
                self.assertEqual(set(found), set(case["scores"]))
                for label, score in case["scores"].items():
                    self.assertAlmostEqual(found[label], score, delta=6e-4)  # Shown with three digits.
        self.assertGreater(len(cases), 1)
        self.assertRegex(page.text("#panel-classify [role=status]"), "measured by this page; .+ on cpu")
        self.assertEqual(page.complaints(), [])

    def test_a_file_that_is_no_picture_is_told_in_the_nodes_words_and_the_next_one_works(self):
        page = self.signed_in()
        page.click("#tab-classify")
        page.choose("#classify-file", DATA / "inputs/speech16k.wav")
        page.click("#panel-classify button[type=submit]")
        page.wait("/PNG|JPEG/.test(document.querySelector('#panel-classify [role=status]').textContent) && !document.querySelector('#panel-classify button[type=submit]').disabled")
        self.assertEqual(page.value("document.querySelectorAll('#panel-classify .finding').length"), 0)
        self.assertGreater(self.classify(page, "cat.png")["sfw"], 0.9)

    def test_a_recording_that_is_chosen_is_written_down_with_its_times(self):
        self.home.add(model_directory("whisper-tiny-en"), "--name", "whisper")
        page = self.signed_in()
        page.wait("!document.getElementById('tab-transcribe').hidden")
        page.click("#tab-transcribe")
        page.choose("#transcribe-file", DATA / "inputs/speech16k.wav")
        page.click("#panel-transcribe button[type=submit]")
        page.wait("document.querySelector('#panel-transcribe .segment') !== null", 240)
        wanted = [segment["text"].strip() for segment in json.loads((DATA / "whisper_cases.json").read_text())["segments"]]
        self.assertEqual(page.value("[...document.querySelectorAll('#panel-transcribe .segment')].map((row) => row.lastChild.textContent)"), wanted)
        self.assertRegex(page.text("#panel-transcribe [role=status]"), "of sound, measured by this page")
        self.assertEqual(page.complaints(), [])

    def test_pictures_with_models_loaded(self):
        for dark in (False, True):
            page = self.signed_in(width=1280, height=1420, dark=dark)
            self.classify(page, "cat.png")
            page.click("#tab-embed")
            page.click("#panel-embed button[type=submit]")
            page.wait("/^-?[01]\\.\\d{3}$/.test(document.getElementById('cosine').textContent)", 120)
            page.click("#tab-chat")
            self.ask_chat(page, "Tell me about llamas.", 48)
            page.wait("document.querySelectorAll('#model-rows .tag').length >= 3")
            time.sleep(5)  # Some readings for the charts.
            page.value("document.activeElement.blur(); scrollTo(0, 0)")
            page.screenshot(PICTURES / f"loaded-{'dark' if dark else 'light'}.png", whole=False)


if __name__ == "__main__":
    unittest.main()
