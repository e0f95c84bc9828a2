// Judges answers to the whiteboard's questions in the page: the question's own check runs on MicroPython, in a worker.

const SECONDS = 60;
const shared = JSON.parse(document.getElementById("gaplab-judging").textContent);

// Python that runs the answer, then the check, and leaves in `said` what TOLD makes a sentence of, or nothing.
const DRIVER = `
import io
import sys

def judged():
    from gaplab.errors import ReaderError

    space = {"__name__": "answer"}
    try:
        exec(code, space)
    except Exception as problem:
        trace = io.StringIO()
        sys.print_exception(problem, trace)
        lines = [line for line in trace.getvalue().split("\\n") if "line " in line]
        line = lines[-1].split("line ")[1].split(",")[0] if lines else ""
        return "\\t".join(["stops", line, type(problem).__name__, str(problem)])
    names = wanted.split(",")
    for each in names:
        if each not in space:
            return "missing\\t" + each
    check = __import__("gaplab.whiteboard." + name, None, None, [name]).check
    for seed in seeds.split(","):
        try:
            check(*[space[each] for each in names], seed=int(seed))
        except ReaderError as problem:
            return "wrong\\t" + str(problem)
    return ""

said = judged()
`;
// What the checks import that MicroPython does not have.
const SMALL = {
  "__future__.py": "annotations = None\n",
  "typing.py": "Any = object\n",
  "gaplab/__init__.py": "",
  "gaplab/errors.py": "class ReaderError(Exception):\n    pass\n",
  "gaplab/whiteboard/__init__.py": "",
};

/** Runs in the worker, from its own text: nothing from outside may be named in it. */
function judge() {
  const unpacked = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  };
  addEventListener("message", async ({ data }) => {
    try {
      const wasm = new Blob([await unpacked(data.python.wasm)], { type: "application/wasm" });
      // A module worker cannot be made of a file from the disk, so the module becomes a script.
      const module = new TextDecoder().decode(await unpacked(data.python.module))
        .replaceAll("import.meta.url", "self.location.href")
        .replace("export default _createMicroPythonModule;", "")
        .replace("export async function loadMicroPython", "async function loadMicroPython");
      const load = new Function(`return (async () => { ${module}\nreturn loadMicroPython; })()`);
      const python = await (await load())({
        url: URL.createObjectURL(wasm),
        heapsize: 32 << 20,
        pystack: 32768,
        stdout: () => {},
      });
      for (const folder of ["/book", "/book/gaplab", "/book/gaplab/whiteboard"]) python.FS.mkdir(folder);
      for (const [name, text] of Object.entries(data.files)) python.FS.writeFile(`/book/${name}`, text);
      for (const [name, value] of Object.entries(data.given)) python.globals.set(name, value);
      python.runPython('import sys\nsys.path.append("/book")');
      python.runPython(data.driver);
      postMessage({ said: python.globals.get("said") });
    } catch (problem) {
      postMessage({ said: `judge\t${String(problem).split("\n")[0]}` });
    }
  });
}

/** What the judge says, by the word with which it begins. @type {Record<string, (...parts: string[]) => string>} */
const TOLD = {
  stops: (line, kind, text) => {
    const why = text ? `${kind}: ${text}` : kind;
    return line ? `Your code stops in line ${line} with ${why}` : `Your code stops with ${why}`;
  },
  missing: (name) => `${name} is not there: keep the name that the stub has.`,
  wrong: (...text) => text.join(" "),
  judge: (text) => `The judge itself has stopped: ${text}`,
};

/** @param {string} said */
const told = (said) => {
  const [kind, ...parts] = said.split("\t");
  return TOLD[kind]?.(...parts) ?? said;
};

let asked = null;
/** Loads MicroPython once, when it is first needed, as a script: no page from the disk may fetch a file. */
const micropython = () =>
  asked ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const root = new URL(document.documentElement.dataset.content_root ?? ".", location.href);
    script.src = new URL("_static/micropython/micropython.js", root).href;
    script.onload = () => resolve(/** @type {any} */ (globalThis).gaplabMicroPython);
    script.onerror = () => {
      asked = null;
      reject(new Error("MicroPython could not be loaded: is the page's folder _static still beside it?"));
    };
    document.head.append(script);
  });

/** @param {any} task @param {string} code @param {number[]} seeds @returns {Promise<string>} what is wrong, or nothing */
async function sentence(task, code, seeds) {
  const python = await micropython();
  const address = URL.createObjectURL(new Blob([`(${judge})()`], { type: "text/javascript" }));
  const worker = new Worker(address);
  let clock;
  try {
    return await new Promise((resolve) => {
      clock = setTimeout(
        () => resolve(`Your code has not ended after ${SECONDS} seconds: is there a loop without an end?`),
        SECONDS * 1000,
      );
      worker.addEventListener("message", ({ data }) => resolve(told(data.said)));
      worker.addEventListener("error", ({ message }) => resolve(TOLD.judge(message)));
      worker.postMessage({
        python,
        driver: DRIVER,
        files: {
          ...SMALL,
          "gaplab/whiteboard/judging.py": shared.judging,
          [`gaplab/whiteboard/${task.name}.py`]: task.module,
        },
        given: { code, name: task.name, wanted: task.wanted.join(","), seeds: seeds.join(",") },
      });
    });
  } finally {
    clearTimeout(clock);
    worker.terminate();
    URL.revokeObjectURL(address);
  }
}

/** Begins a new line as Python goes on: as deep as the last, and deeper behind a colon. */
function indent(event) {
  const area = event.target;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  const line = area.value.slice(0, area.selectionStart).split("\n").at(-1);
  const deep = line.match(/^ */)[0] + (line.trimEnd().endsWith(":") ? "    " : "");
  if (!deep) return;
  event.preventDefault();
  area.setRangeText(`\n${deep}`, area.selectionStart, area.selectionEnd, "end");
}

/** What was written is kept by the browser, where it may. */
const kept = (name, code) => {
  try {
    if (code === undefined) return localStorage.getItem(`gaplab-whiteboard-${name}`);
    if (code === null) localStorage.removeItem(`gaplab-whiteboard-${name}`);
    else localStorage.setItem(`gaplab-whiteboard-${name}`, code);
  } catch { /* the page works without */ }
  return null;
};

/** @param {HTMLElement} board */
function build(board) {
  const task = JSON.parse(board.querySelector("script").textContent);
  const stub = document.getElementById(`${task.name}-stub`).querySelector("pre").textContent.trimEnd();
  const fold = document.createElement("details");
  fold.className = "gaplab-answer gaplab-board-fold";
  fold.innerHTML = `<summary>Write it in this page</summary>
    <label>Your answer, in Python without NumPy: arrays are lists of lists.
      <textarea spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off"></textarea></label>
    <p><button type="button">Check</button> <button type="button">Back to the stub</button></p>
    <p role="status"></p>`;
  const area = fold.querySelector("textarea");
  const [check, back] = fold.querySelectorAll("button");
  const status = fold.querySelector("p[role=status]");
  area.value = kept(task.name) ?? `${stub}\n`;
  area.rows = Math.max(8, area.value.split("\n").length + 2);
  area.addEventListener("keydown", indent);
  area.addEventListener("input", () => kept(task.name, area.value));
  back.addEventListener("click", () => {
    area.value = `${stub}\n`;
    kept(task.name, null);
    status.textContent = "";
  });
  check.addEventListener("click", async () => {
    check.disabled = true;
    status.textContent = "Your code is judged.";
    // First the numbers of the check at home, then new ones: the hidden check.
    const seeds = [1, 1 + Math.floor(Math.random() * 2 ** 31)];
    try {
      const wrong = await sentence(task, area.value, seeds);
      status.textContent = wrong || "Every check passed, and the hidden one too.";
    } catch (problem) {
      status.textContent = /** @type {Error} */ (problem).message;
    }
    check.disabled = false;
  });
  board.replaceChildren(fold);
  board.hidden = false;
}

for (const board of document.querySelectorAll(".gaplab-board")) build(/** @type {HTMLElement} */ (board));
