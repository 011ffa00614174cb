//! The files that hold a model's weights: tensors by the names of diffusers, whatever the file calls them.

mod error;
mod file;
mod files;
mod infer;
mod naming;
mod networks;

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use naming::Stored;

pub use error::WeightsError;
pub(crate) use file::NumberFormat;
pub(crate) use files::Files;
pub use infer::infer_config;
pub(crate) use naming::{Form, LdmUNet, Naming, UNET_PREFIX, VAE_PREFIX};
pub(crate) use networks::{Networks, is_unused_text_tensor};

/// One network's tensors in its files.
#[derive(Debug)]
pub(crate) struct Network {
    files: Rc<Files>,
    naming: Naming,
    /// Names in the files that were asked for.
    read: RefCell<HashSet<String>>,
}

impl Network {
    fn new(files: Rc<Files>, naming: Naming) -> Self {
        Self { files, naming, read: RefCell::default() }
    }

    /// Reads a tensor in pieces of whole rows of `row` numbers, each with its place among the numbers stored, which for
    /// [`Form::Transposed`] lie in the transpose's order.
    pub(crate) fn read_pieces<E: From<WeightsError>>(
        &self,
        name: &str,
        shape: &[usize],
        row: usize,
        take: impl FnMut(usize, NumberFormat, &[u8]) -> Result<(), E>,
    ) -> Result<Form, E> {
        let Stored { name, form } = self.naming.stored(name);
        let reversed: Vec<usize>;
        let (shape, part) = match form {
            Form::Whole => (shape, (0, 1)),
            Form::Third(third) => (shape, (third, 3)),
            Form::Transposed => {
                reversed = shape.iter().rev().copied().collect();
                (reversed.as_slice(), (0, 1))
            }
        };
        self.files.read_pieces(&name, shape, part, row, take)?;
        self.read.borrow_mut().insert(name);
        Ok(form)
    }

    /// Reads a tensor as f32.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let count = shape.iter().product();
        let mut numbers: Vec<f32> = Vec::new();
        let form = self.read_pieces(name, shape, 1, |place, format, bytes| {
            // Memory is taken once the file is known to hold as much.
            if numbers.is_empty() {
                numbers.resize(count, 0.0);
            }
            format.decode(bytes, &mut numbers[place..]);
            Ok::<_, WeightsError>(())
        })?;
        Ok(match (form, shape) {
            (Form::Transposed, &[rows, columns]) => {
                let place = |place: usize| (place % columns) * rows + place / columns;
                (0..numbers.len()).map(|index| numbers[place(index)]).collect()
            }
            _ => numbers,
        })
    }

    /// Refuses tensors of this network that nothing asked for, but for those whose names `is_ignored`.
    pub(crate) fn refuse_unread(&self, is_ignored: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        let read = self.read.borrow();
        let prefix = self.naming.prefix();
        let mut extra = self.files.names();
        extra.retain(|(name, _)| {
            name.strip_prefix(prefix).is_some_and(|rest| !is_ignored(rest)) && !read.contains(name)
        });
        extra.sort_unstable();
        match extra.first() {
            Some((tensor, file)) => Err(WeightsError::Extra {
                file: (*file).to_owned(),
                count: extra.len(),
                tensor: tensor.clone(),
            }),
            None => Ok(()),
        }
    }
}
