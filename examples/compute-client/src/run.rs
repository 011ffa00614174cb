//! `run`: serve the node, and end in good order.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use dfsn_compute::service::auth::now_ms;
use dfsn_compute::service::dial::Dialler;
use dfsn_compute::service::listen::Listener;
use dfsn_compute::service::{Service, server};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::cli::RunArgs;
use crate::config::Config;
use crate::error::ClientError;
use crate::view::View;
use crate::{key, models};

/// How often results are looked through for those that are kept no longer.
const SWEEP: Duration = Duration::from_secs(60);
/// What a shell reports for a program ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Serves until a signal.
pub(crate) fn run(path: &Path, args: &RunArgs) -> Result<(), ClientError> {
    let config = Config::read(path)?;
    let node = config.node()?;
    config.check_way()?;
    let seed = key::read(&config.key_file())?;
    let sources = models::sources(&config)?;
    let view = (std::io::stderr().is_terminal() && !args.json && !args.plain).then(View::new);
    log(args.json, view.as_ref());
    let service = Service::start(config.service(node), &seed, sources)?;
    drop(seed);
    // All but computing fits one thread, which sleeps while nothing happens.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ClientError::io(Path::new("tokio")))?.block_on(serve(config, service, view))
}

async fn serve(config: Config, service: Service, view: Option<View>) -> Result<(), ClientError> {
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let admin = Listener::bind(config.admin).await?;
    let bound = admin.local_addr().unwrap_or(config.admin);
    tracing::info!(address = %bound, "health, readiness and metrics");
    tasks.spawn(admin.serve(server::admin_router(service.clone()), stopping.clone()));
    if let Some(address) = config.listen {
        let mut listener = Listener::bind(address).await?;
        if let Some(tls) = &config.tls {
            listener = listener.with_tls(&config.resolve(&tls.certificate), &config.resolve(&tls.key))?;
        }
        let bound = listener.local_addr().unwrap_or(address);
        tracing::info!(address = %bound, tls = config.tls.is_some(), "waiting for the node");
        tasks.spawn(listener.serve(server::router(service.clone()), stopping.clone()));
    }
    if let Some(url) = &config.dial {
        tasks.spawn(Dialler::new(url, service.clone())?.run(stopping.clone()));
    }
    tasks.spawn(sweep(service.clone(), stopping.clone()));
    tracing::info!(key = %service.public_key(), node = %service.node(), "ready");
    if let Some(view) = view {
        tasks.spawn(view.follow(service.clone(), stopping));
    }

    signal().await;
    tracing::info!(grace_s = config.grace().as_secs(), "shutting down; once more ends at once");
    tokio::spawn(async {
        signal().await;
        std::process::exit(INTERRUPTED);
    });
    // The ways to the node stay open meanwhile, so that it learns what became of its jobs.
    let (ending, grace) = (service.clone(), config.grace());
    tokio::task::spawn_blocking(move || ending.shut_down(grace)).await?;
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    tracing::info!("ended");
    Ok(())
}

/// Deletes results when their time is over.
async fn sweep(service: Service, mut stop: watch::Receiver<bool>) {
    loop {
        let over = tokio::time::timeout(SWEEP, stop.wait_for(|stop| *stop)).await.is_ok();
        if over {
            return;
        }
        let sweeping = service.clone();
        match tokio::task::spawn_blocking(move || sweeping.sweep(now_ms())).await {
            Ok(Ok(0)) => {}
            Ok(Ok(results)) => tracing::info!(results, "deleted: their time is over"),
            Ok(Err(error)) => tracing::error!(%error, "old results cannot be deleted"),
            Err(error) => tracing::error!(%error, "old results were not looked through"),
        }
    }
}

/// Ends with Ctrl-C or SIGTERM.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the system's default ends the program.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Logs to the error stream by RUST_LOG, else from `info` on; beside a view only what is wrong.
fn log(as_json: bool, view: Option<&View>) {
    let least = if view.is_some() { "warn" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(least));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(false);
    match view {
        Some(view) => builder.with_writer(view.log_writer()).init(),
        None if as_json => builder.with_writer(std::io::stderr).json().init(),
        None => builder.with_writer(std::io::stderr).init(),
    }
}
