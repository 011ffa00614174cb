//! A chat bot that draws: `/imagine PROMPT --ar 3:2 --no text --seed 7`, paid from the bot's own account.
//!
//! A template: [`imagine`] reads what people type, [`artist`] buys a picture through `dfsn-client`, [`desk`] serves many at once,
//! and [`chat`] is the one place that knows where messages come from.

mod artist;
mod chat;
mod cli;
mod desk;
mod error;
mod imagine;
mod key;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use dfsn_client::transport::Http;
use dfsn_client::{Client, ClientError};

use artist::Artist;
use chat::{Chat, Console, Telegram};
use cli::{Args, Place};
use error::BotError;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), BotError> {
    let key = key::read_or_create(&args.key)?;
    let node = Http::connect(&args.node).await.map_err(ClientError::from)?;
    let client = Client::new(node.clone(), key);
    eprintln!("pictures are paid by {} ({})", client.address(), args.key.display());
    let chat: Arc<dyn Chat> = match args.chat {
        Place::Console => Arc::new(Console::new(args.out.clone())?),
        Place::Telegram => Arc::new(Telegram::from_env(&args.telegram)?),
    };
    let artist = Artist { client, faucet: args.faucet.then_some(node), price_max: args.price_max };
    desk::serve(chat, Arc::new(artist)).await
}
