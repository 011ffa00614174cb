//! The program as its owner runs it, on a whole development network: in a terminal, and at a server that speaks as much of Telegram's
//! Bot API as the bot uses. That server is a mock; node, ComputeClient, model and pictures are real.

mod network;
mod telegram;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use network::DevNetwork;
use telegram::MockTelegram;

/// For a busy machine; nothing waits this long.
const PATIENCE: Duration = Duration::from_secs(300);

fn bot(node: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
    command.args(["--node", node, "--faucet", "--key"]).arg(folder.join("bot.key")).current_dir(folder);
    command.env_remove("TELEGRAM_TOKEN").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn type_in(mut command: Command, lines: &str) -> Output {
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).await.unwrap();
    drop(input);
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_pictures_answers_and_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let network = DevNetwork::start(&folder.path().join("node")).await;
    let lines = "/help\n/imagine pizza --steps 2 --seed 7 --repeat 2\n/imagine pizza --v 6\nhello\n";
    let output = type_in(bot(&network.url(), folder.path()), lines).await;
    let (said, logged) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{logged}");
    for expected in [
        "[1] /imagine PROMPT, then any of:",
        "[2] asked for 0.0",
        "--seed 7",
        "--seed 8",
        "[2] drawn, audited and paid",
        "[3] there is no flag --v: try /help",
        "[4] type /imagine and what to draw, or /help",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}{logged}");
    }
    let pictures: Vec<_> = std::fs::read_dir(folder.path().join("pictures")).unwrap().collect();
    assert_eq!(pictures.len(), 2, "{said}");
    for picture in pictures {
        assert!(std::fs::read(picture.unwrap().path()).unwrap().starts_with(b"\x89PNG"));
    }
    // The account is the key's, not the process's.
    let mut command = bot(&network.url(), folder.path());
    command.args(["--price-max", "0.005"]);
    let again = text(&type_in(command, "/balance\n/imagine pizza\n").await.stdout);
    assert!(again.contains("[1] 9.9"), "{again}");
    assert!(again.contains("I pay at most 0.005 DFSN a request"), "{again}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_server_gets_them_too_and_its_token_stays_secret() {
    let folder = tempfile::tempdir().unwrap();
    let network = DevNetwork::start(&folder.path().join("node")).await;
    let server = MockTelegram::start().await;
    let mut command = bot(&network.url(), folder.path());
    command
        .args(["--chat", "telegram", "--telegram", &server.url()])
        .env("TELEGRAM_TOKEN", MockTelegram::TOKEN);
    let child = command.spawn().unwrap();
    server.write(1, "/imagine@dfsn a pizza --steps 2 --seed 7");
    server.write(1, "/imagine a second one at once");
    server.write(2, "/imagine \u{2014}ar 3:2");
    server
        .until(PATIENCE, |calls| {
            let has = |method: &str, part: &str| calls.iter().any(|call| call.is(method, part));
            has("sendDocument", "--seed 7")
                && has("sendDocument", "IEND")
                && has("editMessageText", "drawn, audited and paid")
                && has("sendMessage", "one at a time")
                && has("sendMessage", "what shall I draw?")
        })
        .await;
    let output = stop(child).await;
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(!printed.contains(MockTelegram::TOKEN), "{printed}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_no_token_and_no_node_end_it_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let ends = |output: Output, expected: &str| {
        let error = text(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{expected:?} is not in {error}");
        assert!(!error.contains("7777:secret"), "{error}");
    };
    // Nothing listens there.
    let nowhere = type_in(bot("http://127.0.0.1:9", folder.path()), "").await;
    ends(nowhere, "the node is not to be reached");

    let network = DevNetwork::start_without_model(&folder.path().join("node")).await;
    let server = MockTelegram::start().await;
    let telegram = || {
        let mut command = bot(&network.url(), folder.path());
        command.args(["--chat", "telegram", "--telegram", &server.url()]);
        command
    };
    ends(type_in(telegram(), "").await, "set TELEGRAM_TOKEN to the token that @BotFather gave you");
    let mut wrong = telegram();
    wrong.env("TELEGRAM_TOKEN", "7777:secret");
    ends(type_in(wrong, "").await, "it refuses getUpdates: Unauthorized");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = folder.path().join("bot.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        ends(type_in(bot(&network.url(), folder.path()), "").await, "can be read by others; run: chmod 600");
    }
    network.stop().await;
}

/// As its owner would, with a signal.
async fn stop(mut child: tokio::process::Child) -> Output {
    let id = child.id().expect("it runs").to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().await.unwrap();
    assert!(killed.success());
    drop(child.stdin.take());
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
}
