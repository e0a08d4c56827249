// The live page: two of the book's denoisers in the reader's browser. tools/live_models.py makes what is loaded.

const $ = (id) => document.getElementById(id);
const near = (file) => new URL(`live/${file}`, import.meta.url).href;
const still = matchMedia("(prefers-reduced-motion: reduce)");

// --- The networks -----------------------------------------------------------------------------------

let data; // {density: {means, variance}, layers: [[inputs, outputs], ...], megabytes, digits: [...]}
let layers; // of the network for points: [{weight, bias}, ...], row after row
let ort, session; // what runs the network for digits, once the reader comes to them
let free = Promise.resolve(); // settles when that network is not running: one call at a time

// The network for points is small, and plain JavaScript runs it: daeutils.MLPDenoiser, line by line.
const [MEAN, VARIANCE, EDGE] = [0.5, 1 / 12, 0.05];

function answer(place, sigma) {
  const total = sigma ** 2 + VARIANCE;
  const from = place.map((value) => value - MEAN);
  const angles = Array.from({ length: 8 }, (_, i) => Math.log(sigma) * (0.25 + (2.75 * i) / 7));
  let now = from.map((value) => value / Math.sqrt(total));
  now = Float64Array.from([...now, ...angles.map(Math.sin), ...angles.map(Math.cos)]);
  layers.forEach(({ weight, bias }, k) => {
    const next = Float64Array.from(bias);
    for (let i = 0; i < next.length; i++) {
      for (let j = 0; j < now.length; j++) next[i] += weight[i * now.length + j] * now[j];
      if (k < layers.length - 1) next[i] /= 1 + Math.exp(-next[i]); // SiLU
    }
    now = next;
  });
  return from.map((value, i) => {
    const r = MEAN + (VARIANCE / total) * value + sigma * Math.sqrt(VARIANCE / total) * now[i];
    const inside = Math.min(1 - EDGE, Math.max(EDGE, r));
    const logit = Math.log(inside / (1 - inside)) + (r - inside) / (EDGE * (1 - EDGE));
    return 1 / (1 + Math.exp(-logit));
  });
}

// R(x; sigma) of n samples that lie one after the other in x; the test compares it with PyTorch.
export function reconstruct(name, x, sigma) {
  const shape = { points: [2], digits: [1, 28, 28] }[name];
  const n = x.length / shape.reduce((a, b) => a * b);
  const level = Array.isArray(sigma) ? sigma : Array(n).fill(sigma);
  if (name === "points") {
    return Promise.resolve(level.flatMap((each, i) => answer([x[2 * i], x[2 * i + 1]], each)));
  }
  const feeds = {
    x_noisy: new ort.Tensor("float32", Float32Array.from(x), [n, ...shape]),
    sigma: new ort.Tensor("float32", Float32Array.from(level), [n]),
  };
  const made = free.then(() => session.run(feeds)).then((out) => [...out.reconstruction.data]);
  free = made.catch(() => {});
  return made;
}

async function loadPoints() {
  const [about, weights] = await Promise.all([fetch(near("data.json")), fetch(near("points.bin"))]);
  data = await about.json();
  const numbers = new Float32Array(await weights.arrayBuffer());
  let place = 0;
  const next = (length) => numbers.subarray(place, (place += length));
  layers = data.layers.map(([inputs, outputs]) => ({ weight: next(inputs * outputs), bias: next(outputs) }));
}

async function loadDigits() {
  if (!globalThis.WebAssembly) throw new Error("this browser has no WebAssembly");
  ort = await import("./onnxruntime/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = 1; // more would need headers that isolate the page
  session = await ort.InferenceSession.create(near("digits.onnx"), { executionProviders: ["wasm"] });
}

// --- What both parts share --------------------------------------------------------------------------

// A slider whose middle is the geometric mean of its ends; returns a function that reads it.
function slider(id, changed) {
  const input = $(id);
  const [low, high, first] = [input.min, input.max, input.value].map(Number);
  const sigma = () => low * (high / low) ** (input.value / 100);
  const show = () => {
    $(`${id}-value`).textContent = sigma().toFixed(2);
    input.setAttribute("aria-valuetext", sigma().toFixed(2));
  };
  [input.min, input.max] = [0, 100];
  input.value = (100 * Math.log(first / low)) / Math.log(high / low);
  input.addEventListener("input", () => { show(); changed(); });
  show();
  return sigma;
}

// Arrow keys move `place` within [low, high]^2, y up; `act` is told of every key that means something.
function keyboard(canvas, place, { low, high, step }, act) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move && event.key !== "Enter") return;
    event.preventDefault(); // the page would scroll
    const inside = (value) => Math.min(high, Math.max(low, value));
    if (move) move.forEach((way, i) => { place[i] = inside(place[i] + way * step(event)); });
    act(event);
  });
}

const text = (value, digits) => value.toFixed(digits).replace("-", "−");
const colour = (name) => getComputedStyle($("plane")).getPropertyValue(name).trim();

// A context in CSS pixels that is sharp on every screen, cleared, with its width and height.
function prepare(canvas) {
  const { clientWidth: w, clientHeight: h } = canvas;
  [canvas.width, canvas.height] = [w, h].map((length) => Math.round(length * devicePixelRatio));
  const pen = canvas.getContext("2d");
  pen.scale(canvas.width / w, canvas.height / h);
  return [pen, w, h];
}

function line(pen, points) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.stroke();
}

// --- Points -----------------------------------------------------------------------------------------

export const particles = []; // a trail each: [[x, y], ...], the start first; trail.steps: [0, 1, ...]
const cross = [0.5, 0.5];
const GRID = 18; // arrows in a row
const SHADES = 90; // pixels in a row of the density
const places = Array.from({ length: GRID ** 2 }, (_, i) => [(i % GRID) + 0.5, Math.floor(i / GRID) + 0.5])
  .map((place) => place.map((k) => k / GRID));
const shade = document.createElement("canvas");
let arrows = [];
let modes = [];
const exact = () => $("plane-who").value === "exact";
let planeSigma;
let running = false;
let longest = Infinity; // the last step of the particle that moved furthest
const REST = 1e-6; // a particle whose steps are shorter is at rest
// Steps of one run, and of one frame of it: a network takes longer over each.
const MOST = { network: 3000, exact: 50_000 };
const LEAP = { network: 50, exact: 400 };

// The mean and covariance of the centres, weighted by how probable each is, given the noisy point.
// Called for every step of a crawl, so a plain loop.
function posterior([x, y], sigma) {
  const { means, variance } = data.density;
  const v = variance + sigma ** 2;
  let least = Infinity;
  for (const [a, b] of means) least = Math.min(least, (x - a) ** 2 + (y - b) ** 2);
  let [sum, p, q, pp, pq, qq] = [0, 0, 0, 0, 0, 0];
  for (const [a, b] of means) {
    const weight = Math.exp((least - (x - a) ** 2 - (y - b) ** 2) / (2 * v));
    sum += weight;
    p += weight * a;
    q += weight * b;
    pp += weight * a * a;
    pq += weight * a * b;
    qq += weight * b * b;
  }
  [p, q] = [p / sum, q / sum];
  return { mean: [p, q], covariance: [pp / sum - p * p, pq / sum - p * q, qq / sum - q * q], v };
}

// R*, the best answer: the mean of the clean point given the noisy one.
export function bestAnswer(place, sigma) {
  const { mean, v } = posterior(place, sigma);
  return place.map((value, i) => (data.density.variance * value + sigma ** 2 * mean[i]) / v);
}

// The modes of p_sigma, by Newton's method from the summits along the spiral.
export function exactModes(sigma) {
  const heights = data.density.means.map((mean) => logDensity(mean, sigma));
  const starts = data.density.means.filter((_, k) =>
    heights[k] >= (heights[k - 1] ?? -Infinity) && heights[k] >= (heights[k + 1] ?? -Infinity));
  const found = [];
  for (let place of starts) {
    for (let i = 0, length = 1; i < 300 && length > 1e-9; i++) {
      const { mean, covariance: [aa, ab, bb], v } = posterior(place, sigma);
      let [p, q, r] = [1 - aa / v, -ab / v, 1 - bb / v]; // minus the curvature of log p_sigma, times v
      const lowest = (p + r) / 2 - Math.hypot((p - r) / 2, q);
      if (lowest < 1e-6) [p, r] = [p - lowest + 1e-3, r - lowest + 1e-3]; // else it would not climb
      const [x, y] = [mean[0] - place[0], mean[1] - place[1]];
      const step = [(r * x - q * y) / (p * r - q * q), (p * y - q * x) / (p * r - q * q)];
      length = Math.hypot(...step);
      place = place.map((value, k) => value + step[k] * Math.min(1, 0.02 / length));
    }
    if (found.every(([a, b]) => Math.hypot(place[0] - a, place[1] - b) > 0.005)) found.push(place);
  }
  return found;
}

// log p_sigma, exact: a mixture of equal round Gaussians, sigma^2 wider.
export function logDensity([x, y], sigma) {
  const v = data.density.variance + sigma ** 2;
  const terms = data.density.means.map(([a, b]) => -((x - a) ** 2 + (y - b) ** 2) / (2 * v));
  const top = Math.max(...terms);
  const sum = terms.reduce((total, term) => total + Math.exp(term - top), 0);
  return top + Math.log(sum / terms.length) - Math.log(2 * Math.PI * v);
}

function shadeDensity(sigma) {
  shade.width = shade.height = SHADES;
  const pen = shade.getContext("2d");
  pen.fillStyle = colour("--exact");
  const logs = Array.from({ length: SHADES ** 2 }, (_, i) =>
    logDensity([((i % SHADES) + 0.5) / SHADES, 1 - (Math.floor(i / SHADES) + 0.5) / SHADES], sigma));
  const top = Math.max(...logs);
  logs.forEach((log, i) => {
    pen.globalAlpha = 0.75 * Math.exp(log - top);
    pen.fillRect(i % SHADES, Math.floor(i / SHADES), 1, 1);
  });
}

function drawPlane() {
  const [pen, w] = prepare($("plane"));
  const at = ([x, y]) => [x * w, (1 - y) * w];
  pen.drawImage(shade, 0, 0, w, w);

  pen.strokeStyle = pen.fillStyle = colour("--color-foreground-primary");
  pen.lineWidth = 1.2;
  arrows.forEach((step, i) => {
    const start = at(places[i]);
    const length = Math.hypot(...step);
    const shown = Math.min(length, 0.85 / GRID) * w;
    const [cos, sin] = [step[0] / length, -step[1] / length];
    const head = Math.min(5, shown / 2);
    pen.save();
    pen.transform(cos, sin, -sin, cos, ...start); // along the arrow
    line(pen, [[0, 0], [shown, 0]]);
    line(pen, [[shown - head, -head / 2], [shown, 0], [shown - head, head / 2]]);
    pen.restore();
  });

  pen.strokeStyle = pen.fillStyle = colour(exact() ? "--exact" : "--learned");
  pen.lineWidth = 2.5;
  for (const trail of particles) {
    line(pen, trail.map(at));
    pen.beginPath();
    pen.arc(...at(trail.at(-1)), 5, 0, 2 * Math.PI);
    pen.fill();
  }

  pen.strokeStyle = colour("--color-foreground-primary");
  pen.lineWidth = 2;
  for (const [x, y] of modes.map(at)) {
    line(pen, [[x - 6, y - 6], [x + 6, y + 6]]);
    line(pen, [[x - 6, y + 6], [x + 6, y - 6]]);
  }
  if (document.activeElement === $("plane")) {
    const [x, y] = at(cross);
    pen.strokeStyle = colour("--color-foreground-primary");
    line(pen, [[x - 10, y], [x + 10, y]]);
    line(pen, [[x, y - 10], [x, y + 10]]);
  }
  drawClimb();
}

function drawClimb() {
  const [pen, w, h] = prepare($("climb"));
  const curves = particles.map((trail) => trail.map((place) => logDensity(place, planeSigma())));
  const values = curves.flat();
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const most = Math.max(10, ...particles.map((trail) => trail.steps.at(-1)));
  const at = (value, step) => [45 + (Math.log1p(step) / Math.log1p(most)) * (w - 55),
    h - 28 - ((value - low) / (high - low || 1)) * (h - 38)];
  pen.fillStyle = colour("--color-foreground-primary");
  pen.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  pen.textAlign = "right";
  pen.fillText(`${most} steps`, w - 2, h - 5);
  pen.fillText("1", at(low, 1)[0] + 4, h - 5);
  pen.strokeStyle = colour("--color-foreground-border");
  line(pen, [[45, 4], [45, h - 22], [w - 5, h - 22]]);
  if (values.length) [low, high].forEach((value) => pen.fillText(text(value, 1), 40, at(value, 0)[1] + 4));
  pen.strokeStyle = pen.fillStyle = colour(exact() ? "--exact" : "--learned");
  pen.lineWidth = 2;
  curves.forEach((curve, i) => {
    const points = curve.map((value, k) => at(value, particles[i].steps[k]));
    line(pen, points);
    pen.fillRect(points.at(-1)[0] - 2, points.at(-1)[1] - 2, 4, 4);
  });
}

// What the chosen denoiser makes of some places, one after the other in a list.
const answers = (places, sigma) => (exact()
  ? Promise.resolve(places.flatMap((place) => bestAnswer(place, sigma)))
  : reconstruct("points", places.flat(), sigma));

async function showSigma() {
  const sigma = planeSigma();
  const out = await answers(places, sigma);
  if (sigma !== planeSigma()) return; // the slider has moved on
  modes = exactModes(sigma);
  longest = Infinity;
  arrows = places.map(([x, y], i) => [out[2 * i] - x, out[2 * i + 1] - y]);
  shadeDensity(sigma);
  drawPlane();
  report();
}

function report() {
  const mean = (index) => particles.reduce((sum, trail) => sum + logDensity(trail.at(index), planeSigma()), 0)
    / particles.length;
  const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;
  const taken = Math.max(...particles.map((trail) => trail.steps.at(-1)));
  const away = Math.max(...particles.map((trail) =>
    Math.min(...modes.map(([a, b]) => Math.hypot(trail.at(-1)[0] - a, trail.at(-1)[1] - b)))));
  $("plane-said").textContent = particles.length
    ? `${count(particles.length, "particle", "particles")}, ${count(taken, "step", "steps")}. Exact log-density, on average: `
      + `${text(mean(0), 2)} at the start, ${text(mean(-1), 2)} now. Farthest from a mode: `
      + `${text(away, 2)}, ${longest < REST ? "at rest" : "not at rest"}.`
    : "No particle yet.";
}

function drop(place) {
  particles.push(Object.assign([[...place]], { steps: [0] }));
  longest = Infinity;
  drawPlane();
  report();
}

// x <- R(x; sigma) for all particles, as many times as `steps` says or until they are at rest.
async function take(steps) {
  const situation = () => [planeSigma(), $("plane-who").value, particles.length].join();
  const [moved, sigma, before] = [[...particles], planeSigma(), situation()];
  let now = moved.map((trail) => trail.at(-1));
  let taken = 0;
  do {
    const out = await answers(now, sigma);
    const next = now.map((_, i) => out.slice(2 * i, 2 * i + 2));
    longest = Math.max(...next.map(([x, y], i) => Math.hypot(x - now[i][0], y - now[i][1])));
    now = next;
    taken += 1;
  } while (taken < steps && longest >= REST);
  if (situation() !== before) longest = Infinity; // the reader has changed something meanwhile
  moved.forEach((trail, i) => {
    trail.push(now[i]);
    trail.steps.push(trail.steps.at(-1) + taken);
  });
  return taken;
}

async function run() {
  if (running) {
    running = false; // the loop below ends, and reports
    return;
  }
  running = true;
  $("plane-run").textContent = "Pause";
  $("plane-said").setAttribute("aria-busy", "true"); // read aloud at the end alone
  let taken = 0;
  for (let frame = 0; running && particles.length; frame++) {
    const who = $("plane-who").value;
    if (taken >= MOST[who]) break;
    // One step a frame at first; then more and more, for along a ridge a particle crawls.
    taken += await take(Math.min(LEAP[who], Math.floor(1.15 ** Math.max(0, frame - 60))));
    if (longest < REST) break;
    if (still.matches) continue; // the end only, no movement
    drawPlane();
    report();
    await new Promise((resume) => setTimeout(resume, 80));
  }
  running = false;
  $("plane-run").textContent = "Run";
  $("plane-said").removeAttribute("aria-busy");
  drawPlane();
  report();
}

function startPoints() {
  const plane = $("plane");
  planeSigma = slider("plane-sigma", () => {
    // At another noise level the curves are other curves: the particles start anew from where they are.
    for (const trail of particles) {
      trail.splice(0, trail.length - 1);
      trail.steps = [0];
    }
    showSigma();
  });
  plane.addEventListener("click", ({ offsetX, offsetY }) =>
    drop([offsetX / plane.clientWidth, 1 - offsetY / plane.clientHeight]));
  keyboard(plane, cross, { low: 0, high: 1, step: (event) => (event.shiftKey ? 0.1 : 0.02) }, ({ key }) =>
    key === "Enter" ? drop(cross) : drawPlane());
  for (const event of ["focus", "blur"]) plane.addEventListener(event, drawPlane);
  $("plane-step").addEventListener("click", async () => {
    if (particles.length) await take(1);
    drawPlane();
    report();
  });
  $("plane-who").addEventListener("change", showSigma);
  $("plane-run").addEventListener("click", run);
  $("plane-clear").addEventListener("click", () => {
    particles.length = 0;
    drawPlane();
    report();
  });
  new ResizeObserver(drawPlane).observe(plane);
  // A change of theme: the reader's, or the system's.
  const repaint = () => { shadeDensity(planeSigma()); drawPlane(); };
  new MutationObserver(repaint).observe(document.body, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  return showSigma();
}

// --- Digits -----------------------------------------------------------------------------------------

const SIDE = 28;
const pencil = [14, 14]; // where the keyboard's pen is, y up
let image = Array(SIDE ** 2).fill(0); // x: not clamped, though shown clamped
let steps = 0;
let padSigma;

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function paint(canvas, pixels) {
  canvas.width = canvas.height = SIDE;
  const grey = pixels.flatMap((value) => { const g = 255 * value; return [g, g, g, 255]; });
  canvas.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(grey), SIDE), 0, 0);
}

function drawPad() {
  paint($("pad"), image);
  if (document.activeElement !== $("pad")) return;
  const pen = $("pad").getContext("2d");
  pen.fillStyle = colour("--learned");
  pen.fillRect(Math.floor(pencil[0]), SIDE - 1 - Math.floor(pencil[1]), 1, 1);
}

// Show x, and hang a small copy at the end of the strip.
function hang(caption, sigma, said = caption) {
  drawPad();
  const item = document.createElement("li");
  const small = document.createElement("canvas");
  small.setAttribute("aria-hidden", "true"); // the caption says what it is
  paint(small, image);
  const level = sigma ? `σ = ${sigma.toFixed(2)}` : "";
  item.append(small, document.createElement("br"), caption, document.createElement("br"), level);
  $("strip").append(item);
  $("pad-said").textContent = `${said}.`;
}

function begin(pixels, label) {
  $("strip").replaceChildren();
  [image, steps] = [pixels, 0];
  hang(label);
}

async function denoise() {
  const [before, sigma] = [image, padSigma()];
  const after = await reconstruct("digits", before, sigma);
  if (image !== before) return; // another start was chosen meanwhile
  image = after;
  steps += 1;
  const change = Math.sqrt(after.reduce((sum, value, i) => sum + (value - before[i]) ** 2, 0) / after.length);
  hang(`step ${steps}`, sigma, `Step ${steps} changed the pixels by ${change.toFixed(3)} (root mean square)`);
}

// White ink from a to b, both [x, y] in pixels, y down; soft at the edge, as the digits are.
function ink(a, b) {
  const dots = Math.ceil(2 * Math.hypot(b[0] - a[0], b[1] - a[1])) + 1;
  image = image.map((value, i) => {
    let closest = Infinity;
    for (let k = 0; k < dots; k++) {
      const t = dots === 1 ? 0 : k / (dots - 1);
      const [x, y] = a.map((from, axis) => from + t * (b[axis] - from));
      closest = Math.min(closest, Math.hypot((i % SIDE) + 0.5 - x, Math.floor(i / SIDE) + 0.5 - y));
    }
    return Math.max(value, Math.min(1, Math.max(0, 1.9 - closest)));
  });
  drawPad();
}

function startDrawing(pad) {
  const at = ({ offsetX, offsetY }) => [offsetX, offsetY].map((offset) => (offset / pad.clientWidth) * SIDE);
  let last = null;
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    last = at(event);
    ink(last, last);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!last) return;
    const now = at(event);
    ink(last, now);
    last = now;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => {
      if (last) hang("drawn");
      last = null;
    });
  }

  const down = ([x, y]) => [x + 0.5, SIDE - 0.5 - y];
  let from = [...pencil];
  let inked = false;
  keyboard(pad, pencil, { low: 0, high: SIDE - 1, step: () => 1 }, (event) => {
    if (event.key === "Enter" || event.shiftKey) {
      ink(down(event.shiftKey ? from : pencil), down(pencil));
      inked = true;
    }
    from = [...pencil];
    drawPad();
  });
  // A stroke ends where Shift is let go.
  pad.addEventListener("keyup", ({ key }) => {
    if (inked && ["Shift", "Enter"].includes(key)) {
      hang("drawn");
      inked = false;
    }
  });
  for (const event of ["focus", "blur"]) pad.addEventListener(event, drawPad);
}

function startDigits() {
  padSigma = slider("pad-sigma", () => {});
  data.digits.forEach(({ label, pixels }, i) => {
    const button = document.createElement("button");
    const small = document.createElement("canvas");
    button.type = "button";
    button.setAttribute("aria-label", `test digit ${label}, ${i + 1} of ${data.digits.length}`);
    const start = pixels.map((value) => value / 255);
    paint(small, start);
    button.append(small);
    button.addEventListener("click", () => begin(start, `test digit ${label}`));
    $("picks").append(button);
  });
  $("pad-blank").addEventListener("click", () => begin(image.map(() => 0), "blank"));
  $("pad-random").addEventListener("click", () => begin(image.map(() => 0.5 + normal()), "random noise"));
  $("pad-noise").addEventListener("click", () => {
    image = image.map((value) => value + padSigma() * normal()); // never clamped
    hang("noise", padSigma());
  });
  $("pad-denoise").addEventListener("click", denoise);
  startDrawing($("pad"));
  $("picks").querySelector("button").click();
}

// --- Start ------------------------------------------------------------------------------------------

// Put a part of the page in the place of its picture, or say why not.
async function begins(part, load, start) {
  const note = $(`${part}-note`);
  const show = (kind, shown) => { document.querySelector(`.live-${kind}.${part}`).hidden = !shown; };
  try {
    await load();
    show("part", true);
    await start();
    show("picture", false);
    note.textContent = "The network is loaded.";
  } catch (error) {
    show("part", false);
    note.textContent = `You see a picture, because the network does not run here: ${error.message}.`;
  }
}

$("points-note").textContent = "The network is being loaded ...";
await begins("points", loadPoints, startPoints);
if (data) {
  $("digits-note").textContent = `The network is loaded when you come here, ${data.megabytes} MB.`;
  new IntersectionObserver((entries, watcher) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    $("digits-note").textContent = `The network is being loaded, ${data.megabytes} MB ...`;
    begins("digits", loadDigits, startDigits);
  }).observe($("digits-note"));
}
