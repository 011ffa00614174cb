//! Files against their commitments, one fault at a time.

use dfsn_client::{ClientError, Picture, PictureFault};
use dfsn_types::{ImageCommitment, PixelHash};
use png::chunk::{self, ChunkType};

use crate::node::drawing::{commitment, png};

const HEIGHT: u32 = 48;
const WIDTH: u32 = 64;

fn rgb() -> Vec<u8> {
    (0..3 * HEIGHT * WIDTH).map(|index| (index % 251) as u8).collect()
}

fn pixel_hash() -> PixelHash {
    PixelHash::of_rgb8(HEIGHT, WIDTH, &rgb())
}

/// A file that `edit` spoils on its way, with pixels of one byte value for colour and depth.
fn encoded(color: png::ColorType, depth: png::BitDepth, bytes: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![0; 768]);
    }
    encoder.write_header().unwrap().write_image_data(&vec![0; bytes]).unwrap();
    file
}

/// A right file with one more chunk before its pixels.
fn with_chunk(kind: ChunkType, data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(kind, data).unwrap();
    writer.write_image_data(&rgb()).unwrap();
    drop(writer);
    file
}

/// A header of any size, and next to nothing behind it.
fn header_only(height: u32, width: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(chunk::IDAT, &[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]).unwrap();
    drop(writer);
    file
}

/// What a file committed under its own hash is refused for.
fn fault(file: Vec<u8>) -> PictureFault {
    let committed = commitment(&file, pixel_hash());
    match Picture::check(file, &committed) {
        Err(error @ ClientError::NotAPicture { .. }) => {
            assert!(!error.is_retryable());
            let ClientError::NotAPicture { file, fault } = error else { unreachable!() };
            assert_eq!(file, committed.file);
            fault
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn right_file_passes() {
    let file = png(HEIGHT, WIDTH, &rgb());
    let picture = Picture::check(file.clone(), &commitment(&file, pixel_hash())).unwrap();
    assert_eq!((picture.height, picture.width), (HEIGHT, WIDTH));
    assert_eq!((picture.pixel_hash, picture.file), (pixel_hash(), file));
}

#[test]
fn largest_picture_passes() {
    let rgb = vec![9; 3 * 2_048 * 2_048];
    let file = png(2_048, 2_048, &rgb);
    let pixels = PixelHash::of_rgb8(2_048, 2_048, &rgb);
    let committed = commitment(&file, pixels);
    assert_eq!(Picture::check(file, &committed).unwrap().pixel_hash, pixels);
}

#[test]
fn other_file_is_a_mismatch() {
    let file = png(HEIGHT, WIDTH, &rgb());
    let committed = commitment(&file, pixel_hash());
    let mut other = file;
    other[40] ^= 1;
    let error = Picture::check(other, &committed).unwrap_err();
    assert!(matches!(error, ClientError::FileMismatch { expected, .. } if expected == committed.file));
}

#[test]
fn other_pixels_under_the_file_s_hash_are_a_mismatch() {
    let mut other = rgb();
    other[17] ^= 1;
    let file = png(HEIGHT, WIDTH, &other);
    let error = Picture::check(file.clone(), &commitment(&file, pixel_hash())).unwrap_err();
    let actual = PixelHash::of_rgb8(HEIGHT, WIDTH, &other);
    let file = dfsn_types::FileHash::of(&file);
    assert_eq!(error, ClientError::PixelMismatch { file, actual, expected: pixel_hash() });
}

#[test]
fn same_bytes_in_another_shape_are_a_mismatch() {
    let file = png(WIDTH, HEIGHT, &rgb());
    let error = Picture::check(file.clone(), &commitment(&file, pixel_hash())).unwrap_err();
    assert!(matches!(error, ClientError::PixelMismatch { .. }), "{error}");
}

#[test]
fn other_lengths_than_committed_are_refused() {
    let file = png(HEIGHT, WIDTH, &rgb());
    let right = commitment(&file, pixel_hash());
    for file_bytes in [right.file_bytes - 1, right.file_bytes + 1, 0] {
        let committed = ImageCommitment { file_bytes, ..right };
        let error = Picture::check(file.clone(), &committed).unwrap_err();
        assert!(matches!(error, ClientError::FileLength { committed, .. } if committed == file_bytes));
    }
    // More than any picture needs, whatever came.
    let committed = ImageCommitment { file_bytes: u32::MAX, ..right };
    let error = Picture::check(file, &committed).unwrap_err();
    assert!(matches!(error, ClientError::FileLength { committed: u32::MAX, .. }), "{error}");
}

#[test]
fn what_is_no_png_is_refused() {
    assert_eq!(fault(Vec::new()), PictureFault::NotPng);
    assert_eq!(fault(b"\xff\xd8\xff\xe0 a photograph".to_vec()), PictureFault::NotPng);
}

#[test]
fn other_depths_are_refused() {
    let bytes = (6 * HEIGHT * WIDTH) as usize;
    assert_eq!(fault(encoded(png::ColorType::Rgb, png::BitDepth::Sixteen, bytes)), PictureFault::Depth(16));
}

#[test]
fn other_colours_are_refused() {
    let area = (HEIGHT * WIDTH) as usize;
    let cases = [
        (png::ColorType::Rgba, 4, "RGBA"),
        (png::ColorType::Grayscale, 1, "grayscale"),
        (png::ColorType::GrayscaleAlpha, 2, "grayscale with alpha"),
        (png::ColorType::Indexed, 1, "indexed"),
    ];
    for (color, channels, name) in cases {
        let file = encoded(color, png::BitDepth::Eight, channels * area);
        assert_eq!(fault(file), PictureFault::Color(name));
    }
}

#[test]
fn interlaced_files_are_refused() {
    let file = interlaced(&png(HEIGHT, WIDTH, &rgb()));
    assert_eq!(fault(file), PictureFault::Feature("interlacing"));
}

/// Sets the interlace flag of the header, its last byte.
fn interlaced(file: &[u8]) -> Vec<u8> {
    let (start, end) = (8 + 8, 8 + 8 + 13);
    let mut header = file[start..end].to_vec();
    header[12] = 1;
    let mut whole = Vec::new();
    let mut encoder = png::Encoder::new(&mut whole, 1, 1);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(chunk::IHDR, &header).unwrap();
    drop(writer);
    // The chunk that was just written, with its checksum, in the place of the first one.
    let chunk = &whole[end + 4..end + 4 + 25];
    [&file[..8], chunk, &file[end + 4..]].concat()
}

#[test]
fn what_shows_other_pixels_than_hashed_is_refused() {
    let cases: [(ChunkType, &[u8], &str); 4] = [
        (chunk::tRNS, &[0, 1, 0, 2, 0, 3], "a transparent colour"),
        (chunk::gAMA, &[0, 0, 0xb1, 0x8f], "a gamma or chromaticities"),
        (chunk::acTL, &[0, 0, 0, 1, 0, 0, 0, 0], "an animation"),
        (chunk::iCCP, &ICC, "a colour profile"),
    ];
    for (kind, data, feature) in cases {
        assert_eq!(fault(with_chunk(kind, data)), PictureFault::Feature(feature), "{kind:?}");
    }
    // A comment changes nothing.
    let file = with_chunk(chunk::tEXt, b"Title\0a fox");
    Picture::check(file.clone(), &commitment(&file, pixel_hash())).unwrap();
}

/// A profile of three bytes: name, method, zlib stream with one stored block.
const ICC: [u8; 17] = *b"p\0\0\x78\x01\x01\x03\x00\xfc\xffabc\x02\x4d\x01\x27";

#[test]
fn file_that_ends_early_is_refused_wherever_it_ends() {
    let file = png(HEIGHT, WIDTH, &rgb());
    for len in (8..file.len()).step_by(7).chain([file.len() - 1]) {
        assert_eq!(fault(file[..len].to_vec()), PictureFault::Truncated, "after {len} bytes");
    }
}

#[test]
fn damaged_file_is_refused() {
    let mut file = png(HEIGHT, WIDTH, &rgb());
    let middle = file.len() / 2;
    file[middle] ^= 0x55;
    assert!(matches!(fault(file), PictureFault::Damaged(_)));
    assert!(matches!(fault(header_only(HEIGHT, WIDTH)), PictureFault::Damaged(_)));
}

#[test]
fn oversized_header_is_refused_before_anything_is_decoded() {
    for (height, width) in [(4_096, 4_096), (2_049, 1), (1, u32::MAX >> 1), (u32::MAX >> 1, u32::MAX >> 1)] {
        assert_eq!(fault(header_only(height, width)), PictureFault::Size { height, width });
    }
}
