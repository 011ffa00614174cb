//! `downstream-compute MODEL`: draws with two steps.

use dfsn_compute::exact::{ExactOptions, load_pipeline};
use dfsn_compute::{ImageRequest, NoObserver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = std::env::args().nth(1).ok_or("the model's folder is missing")?;
    let mut pipeline = load_pipeline(model.as_str(), ExactOptions::default())?;
    let request = ImageRequest {
        prompt: "a red fox".to_owned(),
        num_inference_steps: 2,
        ..ImageRequest::for_model(pipeline.config())
    };
    let picture = pipeline.generate(&request, &mut NoObserver)?;
    println!("{}x{}", picture.image.height(), picture.image.width());
    Ok(())
}
