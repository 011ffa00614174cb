// The exact profile in a page, a worker or Node: draws pictures of a model that is given as bytes, and re-executes single
// steps of others' pictures. A call computes on the thread it is made on: in a page, make it in a Web Worker.

export class ExactModel {
  #wasm;

  /**
   * @param {WebAssembly.Module | BufferSource} program  exact_wasm.wasm
   * @param {Iterable<[string, Uint8Array]>} files  by their paths in the model's folder: "unet/config.json"
   * @returns {Promise<ExactModel>}  with `model`, its name on chain from the hashes of its files, and `isa`
   */
  static async load(program, files) {
    const module = program instanceof WebAssembly.Module ? program : await WebAssembly.compile(program);
    const loaded = new ExactModel();
    loaded.#wasm = (await WebAssembly.instantiate(module, {})).exports;
    for (const [name, bytes] of files) loaded.#call("dfsn_add_file", [new TextEncoder().encode(name), bytes]);
    return Object.assign(loaded, json(loaded.#call("dfsn_load")));
  }

  /**
   * @param {object} request  prompt, negative_prompt, seed, num_inference_steps, guidance_scale, scheduler, height, width, clip_skip
   * @returns {{height: number, width: number, digest: string, pixels: Uint8Array, boundaries: Uint8Array[]}}
   *   pixels as RGB; boundaries: the state before the first step and after each, then the decoder's output
   */
  draw(request) {
    const { boundaries, ...drawn } = json(this.#call("dfsn_draw", [bytes(request)]));
    const each = Array.from({ length: boundaries }, (_, index) => this.#call("dfsn_boundary", [], index));
    return { ...drawn, pixels: this.#call("dfsn_pixels"), boundaries: each };
  }

  /**
   * Computes one boundary from the one before it, as an auditor does.
   * @param {object} request  as for `draw`
   * @param {number} boundary  0 for the state before the first step, which needs no `before`
   * @param {Uint8Array} [before]
   * @returns {Uint8Array}
   */
  answer(request, boundary, before = new Uint8Array()) {
    return this.#call("dfsn_answer", [bytes(request), before], boundary);
  }

  #call(name, inputs = [], ...numbers) {
    const wasm = this.#wasm;
    for (const input of inputs) {
      const start = wasm.dfsn_input(input.length) >>> 0;
      new Uint8Array(wasm.memory.buffer, start, input.length).set(input);
    }
    const failed = wasm[name](...numbers);
    const start = wasm.dfsn_output() >>> 0;
    const output = new Uint8Array(wasm.memory.buffer, start, wasm.dfsn_output_length() >>> 0).slice();
    if (failed) throw new Error(new TextDecoder().decode(output));
    return output;
  }
}

const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const json = (output) => JSON.parse(new TextDecoder().decode(output));
