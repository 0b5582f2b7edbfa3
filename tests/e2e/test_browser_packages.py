"""What integrators build on: the npm package with its types, the React example, tus-js-client and
Uppy, each in a real Chromium against the real portal."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import Finished, Portal
from tests.e2e.conftest import ROOT
from tests.e2e.test_journeys import OpenPage
from tests.waiting import wait_for
from tests.wire.chunking import CHUNK, wav

PACKAGE = ROOT / "client/browser"
TOOLS = ROOT / "node_modules/.bin"
LIBRARY = '<script src="/static/js/resumable-upload-client.js"></script>'
REACT = """
import { useState } from 'react';

function FileUpload() {
  const [progress, setProgress] = useState(0);

  const handleUpload = async (file) => {
    const uploader = new ResumableUploader({
      apiUrl: '/api/v1/upload',
      authToken: getAuthToken()
    });

    await uploader.uploadFile(file, {
      onProgress: setProgress,
      onComplete: (result) => alert('Upload complete!')
    });
  };

  return (
    <div>
      <input type="file" onChange={(e) => handleUpload(e.target.files[0])} />
      {progress > 0 && <progress value={progress} max="100" />}
    </div>
  );
}
"""
"""As it is printed in the protocol's quick reference."""


def run(*command: object, given: str = "", check: bool = True) -> Finished:
    words, piped = [str(word) for word in command], subprocess.PIPE
    done = subprocess.run(
        words, cwd=ROOT, input=given, stdout=piped, stderr=piped, text=True, timeout=120
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


def bundle(entry: Path, folder: Path) -> str:
    out = folder / "bundle.js"
    run(TOOLS / "esbuild", entry, "--bundle", "--jsx=automatic", f"--outfile={out}")
    return out.read_text()


def show(page: Page, body: str, script: str = "") -> None:
    """A page of somebody's own, with this script at its end."""
    whole = f"<!doctype html>{body}<script src='/bundle.js'></script>"
    page.route("**/site", lambda route: route.fulfill(body=whole, content_type="text/html"))
    page.route("**/bundle.js", lambda route: route.fulfill(body=script))
    page.goto("/site")


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / f"{tmp_path.name}.wav"
    path.write_bytes(wav(3 * CHUNK))
    return path


def arrived(portal: Portal, file: Path) -> None:
    """Once, and as it was."""
    query = "SELECT id FROM upload WHERE filename = ?"
    [upload] = wait_for(lambda: portal.rows(query, file.name))
    recording = portal.recording(upload["id"])
    assert recording["state"] == "ready"
    assert recording["sha256"] == sha256(file.read_bytes()).hexdigest()


VECTORS = {
    "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": (
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    "a" * 1_000_000: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
}
SUMS = """
    import { readFileSync } from "node:fs";
    import { Sha256 } from "resumable-upload-client";
    const sum = (text, step) => {
        const [bytes, summed] = [new TextEncoder().encode(text), new Sha256()];
        for (let at = 0; at < bytes.length; at += step)
            summed.update(bytes.subarray(at, at + step));
        return summed.hex();
    };
    console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(([text, step]) => sum(text, step))));
"""


@pytest.mark.parametrize("step", [1, 63, 64, 65, 1_000_000])
def test_sha256_agrees_with_the_standards_examples(step: int) -> None:
    lengths = ["q" * length for length in range(130)]
    pairs = json.dumps([[text, step] for text in [*VECTORS, *lengths]])
    found = json.loads(run("node", "--input-type=module", "--eval", SUMS, given=pairs).stdout)
    expected = [sha256(text.encode()).hexdigest() for text in lengths]
    assert found == [*VECTORS.values(), *expected]


def test_the_types_are_those_of_the_code_and_the_examples_keep_to_them(tmp_path: Path) -> None:
    run(TOOLS / "tsc", "--project", PACKAGE)
    wrong = tmp_path / "wrong.ts"
    wrong.write_text(
        f'import {{ ResumableUploader }} from "{PACKAGE}/index.js";\n'
        "new ResumableUploader({ apiUrl: 5, authToken: '' });\n"
        "new ResumableUploader({ apiUrl: '', authToken: '' }).uploadFile('a.wav');\n"
        "new ResumableUploader({ apiUrl: '', authToken: '' }).stop();\n"
    )
    said = run(TOOLS / "tsc", "--noEmit", "--strict", "--target", "es2023", wrong, check=False)
    assert re.findall(r"wrong\.ts\((\d),", said.stdout) == ["2", "3", "4"]
    declared = (PACKAGE / "index.d.ts").read_text()
    names = 'import * as all from "resumable-upload-client"; const made = all.ResumableUploader;'
    listed = 'console.log([...Object.keys(all), ...Reflect.ownKeys(made.prototype)].join(" "))'
    found = run("node", "--input-type=module", "--eval", names + listed).stdout.split()
    assert {"pause", "resume", "cancel", "uploadFile", "UploadError", "Sha256"} <= set(found)
    assert all(name in declared for name in found)


def test_the_package_holds_what_it_needs_and_nothing_else() -> None:
    [packed] = json.loads(run("npm", "pack", "--dry-run", "--json", PACKAGE).stdout)
    files = {each["path"] for each in packed["files"]}
    code = {"index.js", "index.d.ts", "resumable-upload-client.js"}
    assert files == code | {"package.json", "README.md"}
    served = ROOT / "portal/static/js/resumable-upload-client.js"
    assert served.resolve() == PACKAGE / "resumable-upload-client.js"
    assert "dependencies" not in json.loads((PACKAGE / "package.json").read_text())


def test_the_printed_react_example_works_as_it_stands(
    open_page: OpenPage, portal: Portal, token: str, call: Path, tmp_path: Path
) -> None:
    entry = ROOT / "build" / f"{tmp_path.name}.jsx"  # where node_modules are found
    entry.parent.mkdir(exist_ok=True)
    around = 'import { createRoot } from "react-dom/client";'
    begin = 'createRoot(document.getElementById("root")).render(<FileUpload />);'
    entry.write_text(f"{around}{REACT}const getAuthToken = () => {json.dumps(token)};{begin}")
    page, heard = open_page(None), list[str]()
    page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.accept()))
    show(page, f'<div id="root"></div>{LIBRARY}', bundle(entry, tmp_path))
    page.locator("input").set_input_files(call)
    arrived(portal, call)
    wait_for(lambda: page.locator("progress").count() and heard)
    assert heard == ["Upload complete!"]
    expect(page.locator("progress")).to_have_js_property("value", 100)
    entry.unlink()


def test_the_react_hook_sends_pauses_and_goes_on(
    open_page: OpenPage, portal: Portal, token: str, call: Path, tmp_path: Path
) -> None:
    page = open_page(None)
    root = f'<div id="root" data-api="/api/v1/upload" data-token="{token}"></div>'
    show(page, root, bundle(PACKAGE / "examples/react/App.tsx", tmp_path))
    session = page.context.new_cdp_session(page)
    line = {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": 500_000}
    session.send("Network.emulateNetworkConditions", line)
    page.get_by_label("Recording").set_input_files(call)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("paused")
    session.send("Network.emulateNetworkConditions", line | {"uploadThroughput": -1})
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("status")).to_contain_text("Available", timeout=30_000)
    arrived(portal, call)


def by_tus_js(token: str, folder: Path) -> tuple[str, str]:
    """The body of the example's page, and its script."""
    body = (PACKAGE / "examples/tus-js-client.html").read_text()
    return told(body, token).replace("tus.min.js", "/static/vendor/tus.min.js"), ""


def by_uppy(token: str, folder: Path) -> tuple[str, str]:
    body = '<title>Send</title><body data-portal="" data-token=""><input type="file" multiple>'
    script = bundle(PACKAGE / "examples/uppy/main.js", folder)
    return told(body.replace("multiple", 'id="files" multiple'), token), script


def told(body: str, token: str) -> str:
    return body.replace('data-token=""', f'data-token="{token}"')


def choose(page: Page, *files: Path) -> None:
    page.locator("input").set_input_files(files)


@pytest.mark.parametrize("client", [by_tus_js, by_uppy])
def test_a_tus_client_goes_on_in_a_new_tab(
    client: Callable[[str, Path], tuple[str, str]],
    open_page: OpenPage,
    portal: Portal,
    token: str,
    tmp_path: Path,
) -> None:
    call = tmp_path / f"{tmp_path.name}.wav"
    call.write_bytes(wav(24 * CHUNK))
    page, example = open_page(None), client(token, tmp_path)
    patched: list[Route] = []

    def first_chunk_only(route: Route) -> None:
        if route.request.method == "PATCH":
            patched.append(route)
        (route.continue_ if len(patched) < 2 else route.abort)()

    page.route("**/videos/tus/*", first_chunk_only)
    show(page, *example)
    choose(page, call)
    wait_for(lambda: page.evaluate("true") and len(patched) == 2)  # routes run meanwhile
    context = page.context
    page.close()
    again = context.new_page()
    sent: list[str] = []
    again.on("request", lambda each: sent.append(each.headers.get("upload-offset", "")))
    show(again, *example)
    choose(again, call)
    wait_for(lambda: again.evaluate("true") and len([each for each in sent if each]) == 2)
    assert [each for each in sent if each] == [str(8 * CHUNK), str(16 * CHUNK)]
    arrived(portal, call)


def test_uppy_sends_two_files(
    open_page: OpenPage, portal: Portal, token: str, call: Path, tmp_path: Path
) -> None:
    other = tmp_path / f"{tmp_path.name}-2.wav"
    other.write_bytes(wav(9 * CHUNK))
    page = open_page(None)
    show(page, *by_uppy(token, tmp_path))
    choose(page, call, other)
    expect(page).to_have_title("2 sent, 0 failed", timeout=60_000)
    for file in (call, other):
        arrived(portal, file)
