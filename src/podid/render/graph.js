"use strict";
const ROW = 28, WIDTH = 220, STEP = 290, TOP = 40, MIDDLE = 12;
const main = document.getElementById("graph"), svg = main.querySelector("svg");
const query = document.getElementById("query"), count = document.getElementById("count");
const details = document.getElementById("details");
const columns = [...main.querySelectorAll("ul")];
const nodes = [];
columns.forEach((list, column) => {
  for (const button of list.querySelectorAll("button"))
    nodes.push({ button, item: button.parentElement, column, words: button.dataset.words, to: [], from: [], edges: [] });
});
const edges = [...svg.querySelectorAll("path")].map(path => {
  const [source, target] = path.dataset.ends.split(" ").map(Number);
  const edge = { path, source, target, shown: true };
  nodes[source].to.push(target);
  nodes[target].from.push(source);
  nodes[source].edges.push(edge);
  nodes[target].edges.push(edge);
  return edge;
});
let shown = new Set(nodes.keys()), chosen = -1, current = 0;

function reach(starts) {
  const all = new Set(starts);
  for (const way of ["to", "from"]) {
    const seen = new Set(starts), left = [...starts];
    while (left.length)
      for (const next of nodes[left.pop()][way])
        if (!seen.has(next)) { seen.add(next); all.add(next); left.push(next); }
  }
  return all;
}

function curve(source, target) {
  const back = nodes[source].column >= nodes[target].column;
  const x1 = STEP * nodes[source].column + WIDTH, x2 = STEP * nodes[target].column + (back ? WIDTH : 0);
  const y1 = TOP + ROW * nodes[source].row + MIDDLE, y2 = TOP + ROW * nodes[target].row + MIDDLE;
  const bend = Math.max(50, Math.floor((x2 - x1) / 2)), other = back ? x2 + bend : x2 - bend;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${other} ${y2} ${x2} ${y2}`;
}

function show(visible, hits) {
  const rows = columns.map(() => 0);
  nodes.forEach((node, number) => {
    const on = visible.has(number);
    if (on) node.row = rows[node.column]++;
    if (node.item.hidden === on) node.item.hidden = !on;
    node.button.classList.toggle("hit", hits.has(number));
    node.button.setAttribute("aria-pressed", String(number === chosen));
  });
  const height = TOP + ROW * Math.max(1, ...rows);
  main.style.height = height + "px";
  svg.setAttribute("height", height);
  for (const edge of edges) {
    const on = visible.has(edge.source) && visible.has(edge.target);
    if (on) edge.path.setAttribute("d", curve(edge.source, edge.target));
    if (on !== edge.shown) edge.path.style.display = on ? "" : "none";
    edge.shown = on;
  }
  shown = visible;
  if (!visible.has(current) && visible.size) enter(Math.min(...(hits.size ? hits : visible)));
}

function filter() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (chosen >= 0) {
    const near = reach([chosen]);
    show(near, new Set());
    count.textContent = `${near.size} connected nodes`;
  } else if (words.length) {
    const hits = new Set([...nodes.keys()].filter(n => words.every(word => nodes[n].words.includes(word))));
    show(reach(hits), hits);
    count.textContent = `${hits.size} of ${nodes.length} nodes match`;
  } else {
    show(new Set(nodes.keys()), new Set());
    count.textContent = `${nodes.length} nodes`;
  }
}

function enter(number) {
  nodes[current].button.tabIndex = -1;
  for (const edge of nodes[current].edges) edge.path.classList.remove("near");
  current = number;
  nodes[current].button.tabIndex = 0;
  for (const edge of nodes[current].edges) edge.path.classList.add("near");
}

function choose(number) {
  chosen = chosen === number ? -1 : number;
  filter();
  if (number >= 0) nodes[number].button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function line(text, tag) {
  const element = document.createElement(tag);
  element.textContent = text;
  details.append(element);
}

function tell(number) {
  const node = nodes[number];
  details.replaceChildren();
  line(`${node.button.dataset.kind} ${node.button.textContent}`, "strong");
  for (const fact of node.button.dataset.facts.split("\t").filter(Boolean)) line(fact, "p");
  for (const [way, arrow] of [["from", "←"], ["to", "→"]]) {
    const names = node[way].map(n => nodes[n].button.textContent), rest = names.length - 12;
    if (names.length) line(`${arrow} ${names.slice(0, 12).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`, "p");
  }
  details.hidden = false;
}

function step(node, key) {
  if (key === "ArrowRight" || key === "ArrowLeft") {
    const right = key === "ArrowRight";
    const near = (right ? node.to : node.from).filter(n => shown.has(n));
    return near.find(n => nodes[n].column !== node.column) ?? near[0];
  }
  const by = key === "ArrowDown" ? 1 : -1;
  for (let n = current + by; nodes[n]?.column === node.column; n += by) if (shown.has(n)) return n;
  return undefined;
}

main.addEventListener("focusin", event => {
  const number = Number(event.target.id.slice(1));
  if (nodes[number]?.button === event.target) { enter(number); tell(number); }
});
main.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button) choose(Number(button.id.slice(1)));
});
main.addEventListener("keydown", event => {
  if (!/^Arrow(Up|Down|Left|Right)$/.test(event.key) || event.target.tagName !== "BUTTON") return;
  event.preventDefault();
  const next = step(nodes[current], event.key);
  if (next !== undefined) nodes[next].button.focus();
});
document.addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== query) {
    event.preventDefault();
    query.focus();
  } else if (event.key === "Escape") {
    query.value = "";
    details.hidden = true;
    choose(-1);
  } else if (event.key === "ArrowDown" && event.target === query) {
    event.preventDefault();
    nodes[current].button.focus();
  }
});
let waiting = 0;
query.addEventListener("input", () => {
  chosen = -1;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(filter);
});
document.getElementById("search").addEventListener("submit", event => event.preventDefault());
document.getElementById("search").hidden = document.getElementById("keys").hidden = false;
count.textContent = `${nodes.length} nodes`;
