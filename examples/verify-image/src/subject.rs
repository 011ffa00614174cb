//! What is to be verified: what the files claim.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dfsn_compute::{ImageRequest, Provenance, RgbImage, TraceFile, TracedBoundary};
use dfsn_types::{ProfileRecord, TraceShape};

use crate::args::Args;
use crate::error::VerifyError;

/// A claim: this request gave these pixels, or went through these states.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) provenance: Provenance,
    pub(crate) picture: Option<RgbImage>,
    /// All boundaries, of a trace.
    pub(crate) trace: Option<Vec<TracedBoundary>>,
}

impl Subject {
    /// Reads the files that the command line names.
    pub(crate) fn read(args: &Args) -> Result<Self, VerifyError> {
        let picture = args.picture.as_deref().map(read_picture).transpose()?;
        let trace = args.trace.as_deref().map(|path| read_trace(path, args.image)).transpose()?;
        let subject = match (picture, trace) {
            // What the picture says is what is verified; a trace of another request fails at its first state.
            (Some((provenance, picture)), trace) => {
                Self { provenance, picture: Some(picture), trace: trace.map(|(_, boundaries)| boundaries) }
            }
            (None, Some((provenance, boundaries))) => {
                Self { provenance, picture: None, trace: Some(boundaries) }
            }
            // The command line asks for one of them.
            (None, None) => return Err(VerifyError::NoProvenance(PathBuf::new())),
        };
        if subject.provenance.params.profile() != ProfileRecord::EXACT_V1.id() {
            return Err(VerifyError::Profile(subject.provenance.params.profile().to_string()));
        }
        if let (Some(path), Some(trace)) = (&args.trace, &subject.trace) {
            let (found, expected) = (trace.len(), usize::from(subject.last_boundary()) + 1);
            if found != expected {
                return Err(VerifyError::Boundaries { path: path.clone(), found, expected });
            }
        }
        Ok(subject)
    }

    /// The decoder's output.
    pub(crate) fn last_boundary(&self) -> u16 {
        TraceShape::of(&self.provenance.params).decoded()
    }

    /// The request that the claim is about.
    pub(crate) fn request(&self, init_image: Option<&Path>) -> Result<ImageRequest, VerifyError> {
        let Provenance { params, image, .. } = &self.provenance;
        match (params.init_image(), init_image) {
            (None, None) => {
                Ok(ImageRequest::from_params(params, *image).map_err(dfsn_compute::ComputeError::from)?)
            }
            (None, Some(_)) => Err(VerifyError::InitImage),
            (Some(hash), None) => Err(VerifyError::NoInitImage(hash.to_string())),
            (Some(_), Some(path)) => {
                let file = read_file(path, RgbImage::MAX_FILE_BYTES as u64)?;
                Ok(ImageRequest::from_params_with_init(params, *image, &file)?)
            }
        }
    }
}

fn read_picture(path: &Path) -> Result<(Provenance, RgbImage), VerifyError> {
    let wrong = |source| VerifyError::Picture { path: path.to_owned(), source };
    let file = read_file(path, RgbImage::MAX_FILE_BYTES as u64)?;
    let (picture, text) = RgbImage::from_png_with(&file).map_err(wrong)?;
    let dfsn = text.dfsn.ok_or_else(|| VerifyError::NoProvenance(path.to_owned()))?;
    Ok((Provenance::from_json(&dfsn).map_err(wrong)?, picture))
}

fn read_trace(path: &Path, image: usize) -> Result<(Provenance, Vec<TracedBoundary>), VerifyError> {
    let wrong = |source| VerifyError::Trace { path: path.to_owned(), source };
    let bytes = read_file(path, TraceFile::MAX_BYTES as u64)?;
    let mut trace = TraceFile::from_json(&String::from_utf8_lossy(&bytes)).map_err(wrong)?;
    let count = trace.pictures.len();
    if image >= count {
        return Err(VerifyError::NoImage { path: path.to_owned(), image, count });
    }
    let picture = trace.pictures.swap_remove(image);
    if picture.profile != ProfileRecord::EXACT_V1 {
        return Err(VerifyError::profile(&picture.profile));
    }
    let provenance = picture.provenance.ok_or_else(|| VerifyError::NoRequest(path.to_owned()))?;
    Ok((provenance, picture.boundaries))
}

/// Reads a file of at most so many bytes.
fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, VerifyError> {
    let fail = |source| VerifyError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    let read = file.take(max + 1).read_to_end(&mut bytes).map_err(fail)? as u64;
    if read > max {
        return Err(VerifyError::TooLong { path: path.to_owned(), bytes: read, max });
    }
    Ok(bytes)
}
