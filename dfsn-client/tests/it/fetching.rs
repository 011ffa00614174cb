//! Fetching pictures from a node that may have lost or changed them.

use dfsn_client::transport::{InProcess, TransportError};
use dfsn_client::view::JobInfo;
use dfsn_client::{Client, ClientError, Download, JobEvent};
use dfsn_types::{Event, FileHash, PixelHash};

use crate::node::{Node, drawing, next_event, params, request};

/// A job with a committed result of one picture.
async fn committed(node: &Node) -> (Client<InProcess>, JobInfo, FileHash) {
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    let mut job = user.generate(request(params(1, 1), price)).await.unwrap();
    loop {
        match next_event(&mut job).await.unwrap() {
            Some(JobEvent::Chain(Event::JobCommitted { commitment, .. })) => {
                return (user, job.info().await.unwrap(), commitment.images[0].picture().unwrap().file);
            }
            Some(_) => {}
            None => panic!("the job ended without a result"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fetched_picture_is_the_committed_one() {
    let node = Node::start();
    let (user, job, file) = committed(&node).await;
    let pictures = user.fetch(&job).await.unwrap();
    assert_eq!(pictures.len(), 1);
    let rgb = drawing::pixels(&params(1, 1), 0);
    assert_eq!((pictures[0].height, pictures[0].width, pictures[0].file_hash), (64, 64, file));
    assert_eq!(pictures[0].pixel_hash, PixelHash::of_rgb8(64, 64, &rgb));
    assert_eq!(pictures[0].file, drawing::png(64, 64, &rgb));
}

#[tokio::test(start_paused = true)]
async fn missing_file_may_come_later() {
    let node = Node::start();
    let (user, job, file) = committed(&node).await;
    let bytes = node.chain().files.remove(&file).unwrap();
    let error = user.fetch(&job).await.unwrap_err();
    assert_eq!(error, ClientError::FileMissing(file));
    assert!(error.is_retryable());
    node.chain().files.insert(file, bytes);
    user.fetch(&job).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn file_over_its_committed_length_is_refused() {
    let node = Node::start();
    let (user, job, file) = committed(&node).await;
    let committed = node.chain().files[&file].len();
    node.chain().files.get_mut(&file).unwrap().push(0);
    let error = user.fetch(&job).await.unwrap_err();
    let bytes_max = u32::try_from(committed).unwrap();
    assert_eq!(error, TransportError::FileTooLong { file, bytes_max }.into());

    node.chain().files.get_mut(&file).unwrap().truncate(committed - 1);
    let error = user.fetch(&job).await.unwrap_err();
    assert!(matches!(error, ClientError::FileLength { committed, .. } if committed == bytes_max), "{error}");
}

#[tokio::test(start_paused = true)]
async fn other_bytes_of_the_same_length_are_refused() {
    let node = Node::start();
    let (user, job, file) = committed(&node).await;
    *node.chain().files.get_mut(&file).unwrap().last_mut().unwrap() ^= 1;
    let error = user.fetch(&job).await.unwrap_err();
    assert!(matches!(error, ClientError::FileMismatch { expected, .. } if expected == file), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn committed_picture_of_another_size_is_refused() {
    let node = Node::start();
    let (user, mut job, _) = committed(&node).await;
    let rgb = vec![7; 3 * 32 * 96];
    let small = drawing::png(32, 96, &rgb);
    let image = drawing::commitment(&small, PixelHash::of_rgb8(32, 96, &rgb));
    node.chain().files.insert(image.file, small);
    let commitment = job.commitment.as_mut().unwrap();
    commitment.images = dfsn_types::BoundedVec::new(vec![dfsn_types::ImageResult::Picture(image)]).unwrap();
    let error = user.fetch(&job).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongSize { height: 32, width: 96, .. }), "{error}");
    assert!(error.to_string().contains("32x96") && error.to_string().contains("64x64"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_download_is_told_of() {
    let node = Node::start();
    let (user, job, _) = committed(&node).await;
    let mut told = Vec::new();
    let pictures = user.fetch_watched(&job, |download| told.push(download)).await.unwrap();
    let bytes = u32::try_from(pictures[0].file.len()).unwrap();
    assert_eq!(told.last(), Some(&Download { image: 0, bytes, of: bytes }));
}
