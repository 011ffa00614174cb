//! The exported functions.
//!
//! A caller asks for room with [`dfsn_input`], writes there, and calls a function, which takes the inputs in the order
//! they were asked for. It returns 0 and leaves its result at [`dfsn_output`], or 1 and leaves an error message there.
//! Addresses hold until the next call.
#![allow(unsafe_code, reason = "exported names are not mangled; there is no other unsafe code here")]

use std::cell::RefCell;
use std::collections::VecDeque;

use dfsn_compute::MemoryFiles;
use serde_json::json;

use crate::proof::{NotProven, check_job, read_picture};
use crate::session::{Drawn, Session, SessionError};

#[derive(Default)]
struct State {
    inputs: VecDeque<Vec<u8>>,
    files: Vec<(String, Vec<u8>)>,
    session: Option<Session>,
    drawn: Option<Drawn>,
    output: Vec<u8>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Runs `call` and keeps what it gives.
fn answered(call: impl FnOnce(&mut State) -> Result<Vec<u8>, SessionError>) -> u32 {
    STATE.with_borrow_mut(|state| {
        let result = call(state);
        state.inputs.clear();
        let is_error = result.is_err();
        state.output = result.unwrap_or_else(|error| error.to_string().into_bytes());
        u32::from(is_error)
    })
}

impl State {
    fn input(&mut self) -> Result<Vec<u8>, SessionError> {
        self.inputs.pop_front().ok_or(SessionError::NoInput)
    }
}

/// Room for an input of `length` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_input(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        let mut input = vec![0; length];
        let start = input.as_mut_ptr();
        // The bytes stay where they are when the vector moves.
        state.inputs.push_back(input);
        start
    })
}

/// Where the last result is.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}

/// Bytes of the last result.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_output_length() -> usize {
    STATE.with_borrow(|state| state.output.len())
}

/// Takes a file of the model. Inputs: its path in the model's folder, its bytes.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_add_file() -> u32 {
    answered(|state| {
        let name = String::from_utf8_lossy(&state.input()?).into_owned();
        let bytes = state.input()?;
        state.files.push((name, bytes));
        Ok(Vec::new())
    })
}

/// Loads the model from the files that were added. Result: JSON with the model's name on chain and the kernels.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_load() -> u32 {
    answered(|state| {
        let files = MemoryFiles::from_iter(std::mem::take(&mut state.files));
        let session = state.session.insert(Session::load(files)?);
        let about = json!({ "model": session.model().to_string(), "isa": session.isa() });
        Ok(about.to_string().into_bytes())
    })
}

/// Draws a picture. Input: the request as JSON. Result: JSON with size, digest and the number of boundaries.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_draw() -> u32 {
    answered(|state| {
        let request = state.input()?;
        let drawn = state.session.as_mut().ok_or(SessionError::NoModel)?.draw(&request)?;
        let drawn = state.drawn.insert(drawn);
        let about = json!({
            "height": drawn.image.height(),
            "width": drawn.image.width(),
            "digest": drawn.digest.to_string(),
            "boundaries": drawn.boundaries.len(),
        });
        Ok(about.to_string().into_bytes())
    })
}

/// The pixels of the last picture, red, green and blue, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_pixels() -> u32 {
    answered(|state| {
        let drawn = state.drawn.as_ref().ok_or(SessionError::NoBoundary(0))?;
        Ok(drawn.image.pixels().to_vec())
    })
}

/// The canonical bytes of a boundary of the last picture.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_boundary(boundary: usize) -> u32 {
    answered(|state| {
        let boundaries = state.drawn.as_ref().map(|drawn| &drawn.boundaries);
        let bytes = boundaries.and_then(|boundaries| boundaries.get(boundary));
        bytes.cloned().ok_or(SessionError::NoBoundary(boundary))
    })
}

/// Computes a boundary from the one before it. Inputs: the request as JSON, the bytes of that one.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_answer(boundary: usize) -> u32 {
    answered(|state| {
        let (request, before) = (state.input()?, state.input()?);
        state.session.as_mut().ok_or(SessionError::NoModel)?.answer(&request, boundary, before)
    })
}

/// Reads a picture's file. Input: its bytes. Result: JSON with its hashes and what it says of itself.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_read_picture() -> u32 {
    answered(|state| to_json(&read_picture(&state.input()?)?))
}

/// Checks what a node shows of a job. Input: JSON with network, genesis, job, height, answer, headers, checkpoint. Result: JSON
/// with what is proven.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_check_job() -> u32 {
    answered(|state| to_json(&check_job(&state.input()?)?))
}

/// Redoes a step that a worker committed to. Inputs: the claim as JSON, the state before the step, the file that the picture starts
/// from or nothing. Result: JSON with both digests.
#[unsafe(no_mangle)]
pub extern "C" fn dfsn_redo_step() -> u32 {
    answered(|state| {
        let (claim, before, init) = (state.input()?, state.input()?, state.input()?);
        to_json(&state.session.as_mut().ok_or(SessionError::NoModel)?.redo(&claim, before, &init)?)
    })
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, SessionError> {
    Ok(serde_json::to_vec(value).map_err(NotProven::from)?)
}
