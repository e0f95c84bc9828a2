"""A trained network that runs inside a page: no kernel, no server, no network connection.

A page asks the network about a picture and gets the logits, the class map, every layer's output and the gradient at
every layer. The parts, in the order in which a number passes them:

- `exporting` (needs PyTorch) makes of a trained network a *plan*, its layers as data, and its weights as bytes.
  ``nox -s live`` writes both to ``assets/live``, where they are committed: the site is built without PyTorch.
- `shipped` reads them again, for tests and for a live notebook (`network`), and writes them as classic scripts beside
  the built site (`write_scripts`): a page at ``file://`` may load a script, and nothing else.
- ``engine/`` is the JavaScript that runs a plan. Read it in this order: ``plan.js`` (a network as data),
  ``forward.js``, ``head.js`` (pools, and their gradients), ``backward.js`` (the chain rule), ``engine.js`` (``ask``: a
  question and its answer), ``laboratory.js`` (the networks and the picture that a reader's questions are about), with
  ``pictures.js`` (scaled, moved, disturbed) and ``field.js`` (what a cell can see). Behind these stand ``geometry.js``
  and ``memory.js`` (where everything lies), ``weights.js`` (bytes to numbers) and ``network.js``. It needs no page, and
  runs in a Worker as well.
- The inner loops exist twice: ``kernels_script.js`` in plain JavaScript, ``kernels.c`` in C with SIMD, which
  ``nox -s kernels`` compiles to the committed ``kernels.wasm``. Tests hold both to PyTorch.

Why an engine of our own: the forward and the backward pass are this book's subject; runtimes that pages have are a
hundred times as large and give no gradients, or are a hundred times slower.

What a page may say of a number: weights are rounded (`exporting.export` returns the PyTorch twin with the same rounded
numbers). ResNet-20 in float16 agrees with its checkpoint to the digits that chapters print. EfficientNet-Lite0 is
mostly int8: its logits differ by a few tenths, so a page shows its maps and its order of classes, and no norms of its
gradients.
"""

from gaplab.live.shipped import FOLDER, Live, engine, engine_script, kernels, names, network, scripts, write_scripts
