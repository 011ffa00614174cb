// node tests/node.mjs MODEL_FOLDER GOLDEN_JSON PROGRAM.wasm...
// Draws the first golden request with each program and re-executes every part of it from the part before.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { ExactModel } from "../exact.mjs";

const [folder, golden, ...programs] = process.argv.slice(2);
assert.ok(programs.length > 0, "usage: node tests/node.mjs MODEL_FOLDER GOLDEN_JSON PROGRAM.wasm...");
const [{ request, digest }] = JSON.parse(await readFile(golden, "utf8"));

const files = new Map();
for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (entry.isFile() && /\.(json|txt|safetensors)$/.test(entry.name)) {
    files.set(relative(folder, path).split(sep).join("/"), new Uint8Array(await readFile(path)));
  }
}

const equal = (a, b) => Buffer.compare(a, b) === 0;

for (const path of programs) {
  const program = await readFile(path);
  let start = performance.now();
  const model = await ExactModel.load(program, files);
  const loaded = performance.now() - start;
  assert.ok(path.includes(model.isa), `${path} runs ${model.isa} kernels`);
  start = performance.now();
  const drawn = model.draw(request);
  const took = performance.now() - start;
  console.log(
    `${basename(path)} (${(program.length / 1e6).toFixed(1)} MB), ${model.isa}: loaded in ${loaded.toFixed(0)} ms, ` +
      `${request.num_inference_steps} steps in ${took.toFixed(0)} ms, ${drawn.digest.slice(0, 32)}`,
  );
  assert.equal(drawn.digest.slice(0, digest.length), digest, `${path} draws another picture`);
  assert.equal(drawn.pixels.length, 3 * drawn.height * drawn.width);
  assert.equal(drawn.boundaries.length, request.num_inference_steps + 2);
  drawn.boundaries.forEach((expected, boundary) => {
    const found = model.answer(request, boundary, drawn.boundaries[boundary - 1]);
    assert.ok(equal(found, expected), `${path}: boundary ${boundary} from the one before`);
  });
  const changed = drawn.boundaries[1].slice();
  changed[0] ^= 1;
  assert.ok(!equal(model.answer(request, 2, changed), drawn.boundaries[2]), "a flipped bit goes unseen");
  assert.throws(() => model.answer(request, 1, changed.subarray(4)), /state has \d+ bytes/);
  assert.throws(() => model.draw({ ...request, height: 63 }), /height 63 is not a multiple/);
  assert.throws(() => model.draw({ ...request, sampler: "ddim" }), /unknown field `sampler`/);

  const without = [...files].filter(([name]) => name !== "unet/config.json");
  await assert.rejects(ExactModel.load(program, without), /unet\/config\.json/);
  const broken = new Map(files).set("vae/config.json", new TextEncoder().encode("{"));
  await assert.rejects(ExactModel.load(program, broken), /vae\/config\.json/);
  const other = new Map(files).set("vae/config.json", new TextEncoder().encode("{}"));
  await assert.rejects(ExactModel.load(program, other), /tensor "decoder\.\S+" has shape/);
}
