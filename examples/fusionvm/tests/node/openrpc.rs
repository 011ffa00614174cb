//! The document of the API against the API.

use serde_json::{Value, json};

use super::{DevNode, emoji};

fn document() -> Value {
    serde_json::from_str(include_str!("../../openrpc.json")).unwrap()
}

#[tokio::test]
async fn the_document_names_what_the_node_answers() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let methods = dfsn_client::api::methods(node.node.handle().clone());
    let mut served: Vec<_> = methods.method_names().collect();
    served.sort_unstable();
    let document = document();
    let documented = document["methods"].as_array().unwrap();
    let mut documented: Vec<_> = documented.iter().map(|method| method["name"].as_str().unwrap()).collect();
    documented.sort_unstable();
    assert_eq!(served, documented);
    let own: Value =
        serde_json::from_str(&node.post("/", &call("rpc.discover", &json!([]))).await.text()).unwrap();
    assert_eq!(own["result"], document, "the node gives its document away");
    node.stop().await;
}

#[tokio::test]
async fn parameters_and_answers_have_the_documented_form() {
    let folder = tempfile::tempdir().unwrap();
    // The network has a model, which makes its answers longer; nothing is drawn.
    fusionvm::DevNetwork::open(folder.path(), Some(emoji())).unwrap();
    let node = DevNode::start(folder.path()).await;
    let user = node.user(1).await;
    let id = user.transfer(user.address(), dfsn_types::Amount::DFSN).await.unwrap();
    let address = json!(user.address());
    let document = document();
    let calls = [
        ("dfsn_network", json!([])),
        ("dfsn_syncing", json!([])),
        ("dfsn_getAccount", json!([address])),
        ("dfsn_getAccount", json!({ "address": address })),
        ("dfsn_getJob", json!(["0".repeat(64)])),
        ("dfsn_getJobs", json!([])),
        ("dfsn_getJobs", json!([{ "requester": address, "ended": true, "limit": 1 }])),
        ("dfsn_getJobs", json!([{ "status": "refunded" }])),
        ("dfsn_getBlock", json!([1])),
        ("dfsn_getBlock", json!([99])),
        ("dfsn_getBlocks", json!([1])),
        ("dfsn_getHeaders", json!([1])),
        ("dfsn_getCheckpoint", json!([])),
        ("dfsn_getReceipt", json!([id])),
        ("dfsn_getReceipt", json!(["0".repeat(64)])),
        ("dfsn_getHistory", json!([{ "address": address }])),
        (
            "dfsn_getHistory",
            json!([{ "address": address, "before": { "height": 9, "index": 0 }, "limit": 1 }]),
        ),
        ("dfsn_getValidators", json!([])),
        ("dfsn_getProof", json!([{ "account": address }])),
        ("dfsn_submitTransactions", json!([[]])),
    ];
    for (name, params) in calls {
        let methods = document["methods"].as_array().unwrap();
        let method = methods.iter().find(|method| method["name"] == name).expect(name);
        let answer = node.post("/", &call(name, &params)).await.text();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["error"].is_null(), "{name}{params}: {answer}");
        let fits = fits(&document, &method["result"]["schema"], &answer["result"]);
        fits.unwrap_or_else(|why| panic!("{name}{params}: {why} in {answer}"));
    }
    node.stop().await;
}

#[test]
fn a_form_that_differs_is_found() {
    let document = document();
    let schema = json!({ "$ref": "#/components/schemas/SyncStatus" });
    for value in [
        json!({}),
        json!(1),
        json!({ "genesis": 1, "height": 1, "hash": "", "timestamp": 1, "syncing": true }),
    ] {
        assert!(fits(&document, &schema, &value).is_err(), "{value}");
    }
}

fn call(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// Whether a value has the form of a schema, as far as this document's schemas go.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(path) = schema["$ref"].as_str() {
        let target = document.pointer(path.trim_start_matches('#')).ok_or(format!("{path} is nowhere"))?;
        return fits(document, target, value);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let any = choices.iter().any(|choice| fits(document, choice, value).is_ok());
        return any.then_some(()).ok_or(format!("{value} is none of {}", schema["oneOf"]));
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.contains(value).then_some(()).ok_or(format!("{value} is none of {}", schema["enum"]));
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    let is_kind = match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if !is_kind {
        return Err(format!("{value} is no {}", schema["type"]));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            fits(document, schema, value).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    if let Some(schema) = schema.get("items") {
        for value in value.as_array().into_iter().flatten() {
            fits(document, schema, value)?;
        }
    }
    Ok(())
}
