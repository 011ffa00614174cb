//! What the JSON form refuses: fields unknown, missing or twice, and values of another kind.

use dfsn_types::*;
use serde_json::{Value, json};

use crate::registry::{Wire, for_each_wire_type};
use crate::samples::Sample;

/// The values inside a JSON value, itself included, by JSON pointer.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, item)| (i.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        found.extend(pointers(child).into_iter().map(|rest| format!("/{name}{rest}")));
    }
    found
}

/// Fails if a changed JSON value is read.
fn refused<T: Wire>(value: &Value, what: &str) {
    let read = serde_json::from_str::<T>(&value.to_string());
    assert!(read.is_err(), "{}: {what} is read as {read:?}", std::any::type_name::<T>());
}

fn at<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    value.pointer_mut(pointer).expect("the pointer comes from this value")
}

/// In every object of every sample one more field is refused.
fn unknown_fields<T: Wire>() {
    for (_, sample) in T::samples() {
        let json = serde_json::to_value(&sample).expect("a JSON form");
        for pointer in pointers(&json) {
            let mut changed = json.clone();
            if let Value::Object(fields) = at(&mut changed, &pointer) {
                fields.insert("unknown_field".to_owned(), json!(1));
                refused::<T>(&changed, &format!("an unknown field in {pointer:?}"));
            }
        }
    }
}

/// Fields that mean "none" when they are left out.
const OPTIONAL: &[&str] = &[
    "beacon_proof",
    "before",
    "exact",
    "failed",
    "guardian",
    "init_image",
    "new_params",
    "opening",
    "other",
    "weights",
];
/// Those whose name is a needed field elsewhere, by the type that they stand in.
const OPTIONAL_IN: &[(&str, &str)] = &[
    ("AccountRecord", "key"),
    ("ValidatorRecord", "jailed_until"),
    ("ValidatorRecord", "registration"),
    ("StateAnswer", "record"),
    ("StateAnswer", "key"),
    ("ReceiptAnswer", "receipt"),
    ("EventAnswer", "event"),
];

fn is_optional<T>(name: &str) -> bool {
    let whole = std::any::type_name::<T>();
    let type_name = whole.split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or(whole);
    OPTIONAL.contains(&name) || OPTIONAL_IN.contains(&(type_name, name))
}

/// No field of any sample may be left out.
fn missing_fields<T: Wire>() {
    for (_, sample) in T::samples() {
        let json = serde_json::to_value(&sample).expect("a JSON form");
        for pointer in pointers(&json) {
            let Some(Value::Object(fields)) = json.pointer(&pointer) else { continue };
            for name in fields.keys().filter(|name| !is_optional::<T>(name)) {
                let mut changed = json.clone();
                if let Value::Object(fields) = at(&mut changed, &pointer) {
                    fields.remove(name);
                }
                refused::<T>(&changed, &format!("no {name} in {pointer:?}"));
            }
        }
    }
}

/// No number may be a fraction, negative, over 64 bits or a text; no text or bool anything else.
fn wrong_values<T: Wire>() {
    let huge: Value = serde_json::from_str("18446744073709551616").expect("JSON");
    for (_, sample) in T::samples() {
        let json = serde_json::to_value(&sample).expect("a JSON form");
        for pointer in pointers(&json) {
            let instead = match json.pointer(&pointer) {
                Some(Value::Number(number)) => {
                    vec![
                        json!(0.5),
                        json!(1.0),
                        json!(-1),
                        huge.clone(),
                        json!(number.to_string()),
                        json!(null),
                    ]
                }
                Some(Value::String(_)) => vec![json!(1), json!(null), json!([]), json!({})],
                Some(Value::Bool(_)) => vec![json!(0), json!("true"), json!(null)],
                Some(Value::Array(_)) => vec![json!(""), json!(null), json!({}), json!(1)],
                _ => continue,
            };
            // `null` is how an optional field says "none".
            let optional = is_optional::<T>(pointer.rsplit('/').next().unwrap_or_default());
            for value in instead.into_iter().filter(|value| !(optional && value.is_null())) {
                let mut changed = json.clone();
                *at(&mut changed, &pointer) = value.clone();
                refused::<T>(&changed, &format!("{value} at {pointer:?}"));
            }
        }
    }
}

/// A field twice is refused, whatever its values.
fn repeated_fields<T: Wire>() {
    let json = serde_json::to_value(T::sample()).expect("a JSON form");
    let Value::Object(fields) = &json else { return };
    for (name, value) in fields {
        let text = json.to_string();
        let inner = text.strip_prefix('{').expect("an object");
        let doubled = format!("{{{}:{value},{inner}", json!(name));
        let read = serde_json::from_str::<T>(&doubled);
        assert!(read.is_err(), "{}: {name} twice is read as {read:?}", std::any::type_name::<T>());
    }
}

macro_rules! call {
    ([$test:ident] $($name:ident: $type:ty,)*) => { $( $test::<$type>(); )* };
}

#[test]
fn unknown_fields_are_refused() {
    for_each_wire_type!(call, unknown_fields);
}

#[test]
fn missing_fields_are_refused() {
    for_each_wire_type!(call, missing_fields);
}

#[test]
fn wrong_values_are_refused() {
    for_each_wire_type!(call, wrong_values);
}

#[test]
fn repeated_fields_are_refused() {
    for_each_wire_type!(call, repeated_fields);
}

/// The same fact has one text, so that two clients print the same: no upper case, no prefix, no padding.
#[test]
fn one_text_is_written() {
    let hash = Hash::from_bytes([0xAB; 32]);
    assert_eq!(serde_json::to_value(hash).ok(), Some(json!("ab".repeat(32))));
    let amount = Amount::from_base_units(1_500_000_000_000_000_000);
    assert_eq!(serde_json::to_value(amount).ok(), Some(json!("1500000000000000000")));
    assert_eq!(serde_json::to_value(Gas::new(u64::MAX)).ok(), Some(json!(u64::MAX)));
    assert_eq!(
        serde_json::to_value(DutyKind::AcceptJob { draw: 2 }).ok(),
        Some(json!({ "accept_job": { "draw": 2 } }))
    );
    let stake = TransactionKind::Stake { amount };
    assert_eq!(
        serde_json::to_value(stake).ok(),
        Some(json!({ "stake": { "amount": "1500000000000000000" } }))
    );
}

/// The names that people read in logs are those of the JSON form.
#[test]
fn names_are_those_of_json() {
    let tag = |value: Value| match value {
        Value::String(name) => name,
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        other => panic!("{other} is no enum"),
    };
    for (_, kind) in TransactionKind::samples() {
        assert_eq!(kind.name(), tag(serde_json::to_value(&kind).expect("a JSON form")));
    }
    for (_, kind) in DutyKind::samples() {
        assert_eq!(kind.name(), tag(serde_json::to_value(&kind).expect("a JSON form")));
    }
    for kind in SchedulerKind::ALL {
        assert_eq!(kind.as_str(), tag(serde_json::to_value(kind).expect("a JSON form")));
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(kind.to_string(), kind.as_str());
    }
    assert_eq!("DDIM".parse::<SchedulerKind>(), Err(UnknownScheduler("DDIM".to_owned())));
}
