//! The picture that other sites show beside a link to one: they read the page's head and run none of its scripts.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::Html;
use dfsn_client::view::JobInfo;
use dfsn_types::JobId;

use crate::node::NodeHandle;

/// Characters of a prompt that are shown.
const TITLE_MAX: usize = 120;

/// A node and the page's text.
pub(super) type Cards = (NodeHandle, Arc<str>);

/// `GET /p/{job}/{image}`: the page, with what it shows in its head. `image` is counted from 1.
pub(super) async fn card(
    State((node, page)): State<Cards>,
    Path((job, image)): Path<(String, String)>,
    headers: HeaderMap,
) -> Html<String> {
    let head = describe(&node, &job, &image, &headers).unwrap_or_default();
    Html(page.replacen("</head>", &(head + "</head>"), 1))
}

fn describe(node: &NodeHandle, job: &str, image: &str, headers: &HeaderMap) -> Option<String> {
    let (job, image) = (job.parse::<JobId>().ok()?, image.parse::<usize>().ok()?);
    let info = node.state().jobs.get(&job).map(JobInfo::of)?;
    let file = info.commitment?.images.get(image.checked_sub(1)?)?.picture()?.file;
    let title: String = info.params.prompt().as_str().chars().take(TITLE_MAX).collect();
    let title = escape(if title.is_empty() { "A picture without a prompt" } else { &title });
    let origin = origin(headers)?;
    let tags = [
        ("og:type", "website".to_owned()),
        ("og:site_name", "DAOFusion".to_owned()),
        ("og:title", title),
        ("og:description", "Drawn by one computer of the network, checked by others.".to_owned()),
        ("og:image", format!("{origin}/blobs/{file}")),
        ("twitter:card", "summary".to_owned()),
    ];
    Some(
        tags.into_iter()
            .map(|(name, text)| format!("<meta property=\"{name}\" content=\"{text}\">"))
            .collect(),
    )
}

/// Where the visitor found this node; a proxy that ends TLS says so.
fn origin(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) {
        return None;
    }
    let is_https = headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
    Some(format!("{}://{host}", if is_https { "https" } else { "http" }))
}

/// Text as it stands in an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_stays_inside_its_attribute() {
        let hostile = "\"><script>alert('1')</script>&\n";
        let escaped = escape(hostile);
        assert!(!escaped.contains(['"', '<', '>', '\'', '\n']), "{escaped}");
        assert_eq!(escape("a fox & 2 hens"), "a fox &amp; 2 hens");
    }

    #[test]
    fn a_host_is_a_host() {
        let with = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            origin(&headers)
        };
        assert_eq!(with("node.example.org:8443").as_deref(), Some("http://node.example.org:8443"));
        assert_eq!(with("x\"><script>"), None);
        assert_eq!(origin(&HeaderMap::new()), None);
    }
}
