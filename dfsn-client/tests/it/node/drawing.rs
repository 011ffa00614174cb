//! A stand-in for inference: a state is the hash of the one before, a picture a pattern of the last.

use dfsn_types::{
    Boundary, BoundedVec, Domain, GenerationParams, Hash, ImageCommitment, ImageResult, PixelHash,
    ResultCommitment, StateContext, StateDigest, TraceLeaf, TraceShape, TraceTree,
};

const TRACE_SECRET: [u8; 32] = [5; 32];

/// The states of one image: `t = 0..=N+1`.
fn states(params: &GenerationParams, image: u8) -> Vec<Hash> {
    let first = Domain::Pixels.hash(&(params.prompt(), params.image_seed(image)));
    let next = |state: &Hash| Some(Domain::Pixels.hash(state));
    std::iter::successors(Some(first), next).take(usize::from(params.executed_steps()) + 2).collect()
}

/// The pixels of one image, red, green, blue, row by row.
pub(crate) fn pixels(params: &GenerationParams, image: u8) -> Vec<u8> {
    let last = *states(params, image).last().unwrap();
    let bytes = usize::try_from(3 * params.height() * params.width()).unwrap();
    last.as_bytes().iter().copied().cycle().take(bytes).collect()
}

/// A plain PNG file.
pub(crate) fn png(height: u32, width: u32, rgb: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(rgb).unwrap();
    file
}

/// What a worker commits to, and the files of it.
pub(crate) fn commit(
    params: &GenerationParams,
    context: impl Fn(Boundary) -> StateContext,
) -> (ResultCommitment, Vec<Vec<u8>>) {
    let (height, width) = (params.height(), params.width());
    let mut images = Vec::new();
    let mut files = Vec::new();
    for image in 0..params.num_images() {
        let rgb = pixels(params, image);
        let file = png(height, width, &rgb);
        images.push(ImageResult::Picture(commitment(&file, PixelHash::of_rgb8(height, width, &rgb))));
        files.push(file);
    }
    let trace_root = trace(params, context).root();
    (ResultCommitment { images: BoundedVec::new(images).unwrap(), trace_root }, files)
}

/// What commits to a file and these pixels.
pub(crate) fn commitment(file: &[u8], pixels: PixelHash) -> ImageCommitment {
    let file_bytes = u32::try_from(file.len()).unwrap();
    ImageCommitment { file: dfsn_types::FileHash::of(file), file_bytes, pixels }
}

/// The worker's trace.
pub(crate) fn trace(params: &GenerationParams, context: impl Fn(Boundary) -> StateContext) -> TraceTree {
    let shape = TraceShape::of(params);
    let leaves =
        (0..shape.images()).flat_map(|image| (0..=shape.decoded()).map(move |t| Boundary { image, t }));
    let leaf = |boundary| TraceLeaf {
        digest: digest(params, context(boundary)),
        salt: context(boundary).salt(&TRACE_SECRET),
    };
    TraceTree::new(shape, leaves.map(leaf).collect()).unwrap()
}

/// What anybody who computes the state there finds.
pub(crate) fn digest(params: &GenerationParams, context: StateContext) -> StateDigest {
    let Boundary { image, t } = context.boundary;
    context.digest(states(params, image)[usize::from(t)].as_bytes())
}
