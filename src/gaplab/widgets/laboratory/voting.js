// Experiment 3: what each position of the last map votes for a class; the votes and the bias are the logit.
import { element } from "../kit/dom.js";
import { rowColumn } from "../kit/grid.js";
import { drawMap, drawPixels, largest } from "./heat.js";
import { fixed } from "./numbers.js";
import { figureOf, markAt, questionOf, square, tableOf, walkable } from "./parts.js";

function buildVoting(_, section, { now, choose }) {
  section.append(element(
    "p",
    { className: "gl-muted" },
    "Each cell of the last map votes for the chosen class: orange for, blue against. Choose a cell by pointer or arrow keys.",
  ));
  const votes = figureOf("Votes", "large votes");
  const under = element("canvas", { className: "under" });
  votes.frame.prepend(under);
  const sum = element("div");
  section.append(element("div", { className: "pair" }, votes.figure, sum));
  const parts = { votes, under, sum, size: /** @type {[number, number]} */ ([1, 1]) };
  walkable(
    votes,
    "Votes on the picture: arrow keys go from cell to cell",
    () => ({ size: parts.size, cell: now().cell }),
    (cell) => choose({ cell }),
  );
  return parts;
}

/** A cell's vote: over all channels, what the logit moves with it times what it is. */
function votesOf({ gradient, values: { map }, sizes }) {
  const votes = new Float64Array(sizes.map.height * sizes.map.width);
  for (let i = 0; i < map.length; i += 1) votes[i % votes.length] += gradient[i] * map[i];
  return votes;
}

function showVoting(view, parts, state, answer) {
  const { height, width } = answer.sizes.map;
  parts.size = [height, width];
  const votes = votesOf(answer);
  drawPixels(parts.under, answer.pixels, answer.frame);
  drawMap(parts.votes.canvas, votes, answer.sizes.map, { signed: true });
  parts.votes.words.textContent = `${height} × ${width} cells, colours to ± ${fixed(largest(votes), 2)}`;
  const cell = Math.min(state.cell, votes.length - 1);
  markAt(parts.votes, cell < 0 ? null : square(cell, width), answer.sizes.map);
  const total = (wanted) => votes.filter(wanted).reduce((sum, one) => sum + one, 0);
  const [more, less, logit] = [total((one) => one > 0), total((one) => one < 0), answer.logits[answer.label]];
  const rows = [["Votes for", fixed(more, 3)], ["Votes against", fixed(less, 3)], ["Bias", fixed(answer.bias, 3)]];
  // Log-sum-exp of twice the map is not twice the log-sum-exp: there is no fair share for each cell.
  const shares = Math.abs(more + less + answer.bias - logit) < 1e-3 * Math.max(1, Math.abs(logit));
  parts.sum.replaceChildren(tableOf(["The votes add up", view.classes(state)[answer.label]], [
    ...rows,
    [shares ? "Sum: the logit" : "Logit: votes do not add up to it behind this pool", fixed(logit, 3)],
  ]));
  const [row, column] = rowColumn(Math.max(cell, 0), width);
  const one = cell < 0 ? "" : ` Row ${row + 1}, column ${column + 1} votes ${fixed(votes[cell], 3)}.`;
  return `${view.classes(state)[answer.label]}: votes for ${fixed(more, 2)}, against ${fixed(less, 2)}, bias ` +
    `${fixed(answer.bias, 2)}; logit ${fixed(logit, 2)}.${one}`;
}

export const VOTING = {
  pools: true,
  classes: true,
  build: buildVoting,
  networks: (view, state) => [view.networks[state.network].name],
  ask: (view, state) => view.desk.ask("votes", questionOf(view, state, { values: ["map"] })),
  show: showVoting,
};
