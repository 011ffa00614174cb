// The exact profile in a page, a worker or Node: draws pictures of a model that is given as bytes, and re-executes single
// steps of others' pictures. A call computes on the thread it is made on: in a page, make it in a Web Worker.

/** The program without a model: what a picture's file says, and what the chain shows of it. */
export class Program {
  #wasm;

  /** @param {WebAssembly.Module | BufferSource} program  exact_wasm.wasm */
  static async open(program) {
    const module = program instanceof WebAssembly.Module ? program : await WebAssembly.compile(program);
    const opened = new this();
    opened.#wasm = (await WebAssembly.instantiate(module, {})).exports;
    return opened;
  }

  /**
   * @param {Uint8Array} file  of a PNG picture
   * @returns its hashes, its size and `claim`, what it says of itself
   */
  readPicture(file) {
    return json(this.call("dfsn_read_picture", [file]));
  }

  /**
   * Checks what a node shows of a job; throws an error that says what does not hold.
   * @param {object} claim  network, genesis, job, height, answer, headers, checkpoint
   * @returns {{record: object | null, height: number, block: string, checkpoint: number | null}}
   */
  checkJob(claim) {
    return json(this.call("dfsn_check_job", [bytes(claim)]));
  }

  /** @protected */
  call(name, inputs = [], ...numbers) {
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

/** The program with a model. */
export class ExactModel extends Program {
  /**
   * @param {WebAssembly.Module | BufferSource} program  exact_wasm.wasm
   * @param {Iterable<[string, Uint8Array]>} files  by their paths in the model's folder: "unet/config.json"
   * @returns {Promise<ExactModel>}  with `model`, its name on chain from the hashes of its files, and `isa`
   */
  static async load(program, files) {
    const loaded = await this.open(program);
    for (const [name, bytes] of files) loaded.call("dfsn_add_file", [new TextEncoder().encode(name), bytes]);
    return Object.assign(loaded, json(loaded.call("dfsn_load")));
  }

  /**
   * @param {object} request  prompt, negative_prompt, seed, num_inference_steps, guidance_scale, scheduler, height, width, clip_skip
   * @returns {{height: number, width: number, digest: string, pixels: Uint8Array, boundaries: Uint8Array[]}}
   *   pixels as RGB; boundaries: the state before the first step and after each, then the decoder's output
   */
  draw(request) {
    const { boundaries, ...drawn } = json(this.call("dfsn_draw", [bytes(request)]));
    const each = Array.from({ length: boundaries }, (_, index) => this.call("dfsn_boundary", [], index));
    return { ...drawn, pixels: this.call("dfsn_pixels"), boundaries: each };
  }

  /**
   * Computes one boundary from the one before it, as an auditor does.
   * @param {object} request  as for `draw`
   * @param {number} boundary  0 for the state before the first step, which needs no `before`
   * @param {Uint8Array} [before]
   * @returns {Uint8Array}
   */
  answer(request, boundary, before = new Uint8Array()) {
    return this.call("dfsn_answer", [bytes(request), before], boundary);
  }

  /**
   * Redoes a step that a worker committed to; throws where the claim does not hold together.
   * @param {object} claim  genesis, job, attempt, worker, params, trace_root, image, step, before, after
   * @param {Uint8Array} state  before the step
   * @param {Uint8Array} [init]  the file that the picture starts from
   * @returns {{committed: string, computed: string, same: boolean}}
   */
  redo(claim, state, init = new Uint8Array()) {
    return json(this.call("dfsn_redo_step", [bytes(claim), state, init]));
  }
}

const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const json = (output) => JSON.parse(new TextDecoder().decode(output));
