//! Products of integers alone, against libtorch and against the machine: `cargo xtask bench -- --bench products`.
//!
//! Multiplies 1024x1024 matrices in exact-v1 with each instruction set of this machine and in f32 on libtorch, in turns, and
//! prints medians, multiply-adds a second, and their share of what the machine's instruction does on registers alone.
//! `DFSN_BENCH_THREADS` sets the threads (1 if unset).

mod ceiling;

use std::hint::black_box;
use std::time::Instant;

use dfsn_benches::{is_asked_for, variable};
use dfsn_compute::exact::Isa;
use dfsn_compute::exact::simd::{Epilogue, Kernels, Operand, PackedWeights, Scale, Threads, product};
use tch::{Device, Kind, Tensor};

/// Rows, columns and length of the reduction.
const SIDE: usize = 1024;
const ROUNDS: usize = 15;
/// Limits of activations and weights, as in the profile.
const LIMITS: (u16, i64) = (16_383, 8_191);

fn main() {
    if !is_asked_for("products") {
        return;
    }
    let threads = variable("DFSN_BENCH_THREADS", 1);
    tch::set_num_threads(threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build().expect("threads start");
    let numbers = Numbers::new();
    let isas = Isa::available();
    let packed: Vec<PackedWeights> = isas.iter().map(|isa| numbers.pack(*isa)).collect();
    let (left, right) = (numbers.left(), numbers.right());

    let mut seconds = vec![Vec::new(); isas.len() + 1];
    for round in 0..=ROUNDS {
        let mut times: Vec<f64> = packed.iter().map(|weights| numbers.exact(weights, &pool)).collect();
        times.push(timed(|| {
            let _ = black_box(left.matmul(&right));
        }));
        // The first one warms up.
        if round > 0 {
            seconds.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
        }
    }
    let torch = median(&seconds[isas.len()]);
    println!("{SIDE}x{SIDE} times {SIDE}x{SIDE}, {threads} thread(s), medians of {ROUNDS} rounds");
    println!("{:9} {:>8.2} ms {:>6.1} G multiply-adds a second", "libtorch", torch * 1e3, rate(torch));
    for (isa, seconds) in isas.iter().zip(&seconds) {
        let exact = median(seconds);
        print!(
            "{:9} {:>8.2} ms {:>6.1}, libtorch takes {:.2} times as long",
            isa.to_string(),
            exact * 1e3,
            rate(exact),
            torch / exact
        );
        match ceiling::of(*isa, threads as usize) {
            Some(most) => println!(", {:.0} % of {most:.0}", 100.0 * rate(exact) / most),
            None => println!(),
        }
    }
}

/// Two matrices of integers at their limits and below.
struct Numbers {
    activations: Vec<i16>,
    weights: Vec<i16>,
}

impl Numbers {
    fn new() -> Self {
        let fill = |limit: i64, step: i64| {
            (0..(SIDE * SIDE) as i64).map(|i| ((i * step) % (2 * limit + 1) - limit) as i16).collect()
        };
        Self { activations: fill(i64::from(LIMITS.0), 7_919), weights: fill(LIMITS.1, 6_007) }
    }

    fn pack(&self, isa: Isa) -> PackedWeights {
        let kernels = Kernels::new(isa).expect("it is available");
        PackedWeights::pack(kernels, &self.weights, SIDE, SIDE, LIMITS.0).expect("within the limits")
    }

    fn exact(&self, weights: &PackedWeights, pool: &rayon::ThreadPool) -> f64 {
        let operand = Operand::rows(&self.activations, SIDE, SIDE, SIDE).expect("a square");
        let scales = vec![0.5; SIDE];
        let epilogue = Epilogue::new(&scales, Scale::One(0.25), SIDE);
        let mut out = vec![0.0; SIDE * SIDE];
        timed(|| {
            product(&operand, weights, &epilogue, &mut out, Threads::Pool(pool)).expect("shapes agree");
            black_box(&mut out);
        })
    }

    fn left(&self) -> Tensor {
        matrix(&self.activations)
    }

    fn right(&self) -> Tensor {
        matrix(&self.weights).transpose(0, 1)
    }
}

fn matrix(numbers: &[i16]) -> Tensor {
    let side = SIDE as i64;
    Tensor::from_slice(numbers).to_device(Device::Cpu).to_kind(Kind::Float).reshape([side, side])
}

fn timed(run: impl FnOnce()) -> f64 {
    let started = Instant::now();
    run();
    started.elapsed().as_secs_f64()
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// 10^9 multiply-adds a second.
fn rate(seconds: f64) -> f64 {
    (SIDE * SIDE * SIDE) as f64 / seconds / 1e9
}
