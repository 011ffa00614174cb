//! Reading one JSON file of a model folder, key by key, with bounds.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::ConfigError;
use crate::model_path::ModelPath;

/// No config file of a published model comes near this.
pub(crate) const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A JSON object and the keys that were read from it.
#[derive(Debug)]
pub(crate) struct JsonFile {
    path: PathBuf,
    map: Map<String, Value>,
    read: RefCell<BTreeSet<&'static str>>,
}

/// Reads a whole file of at most `max` bytes.
pub(crate) fn read_bounded(path: &ModelPath, max: u64) -> Result<Vec<u8>, ConfigError> {
    let file = || path.as_path().to_owned();
    let read = path.open().and_then(|file| file.read_up_to(max + 1));
    let bytes = read.map_err(|source| ConfigError::Read { file: file(), source })?;
    if bytes.len() as u64 > max {
        return Err(ConfigError::TooLarge { file: file(), max });
    }
    Ok(bytes)
}

/// Parses a JSON file of at most `max` bytes whose root is an object.
pub(crate) fn read_object(path: &ModelPath, max: u64) -> Result<Map<String, Value>, ConfigError> {
    parse_object(path.as_path(), &read_bounded(path, max)?)
}

/// Parses JSON whose root is an object; `path` is where it comes from.
pub(crate) fn parse_object(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>, ConfigError> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(ConfigError::NotAnObject { file: path.to_owned() }),
        Err(source) => Err(ConfigError::Parse { file: path.to_owned(), source }),
    }
}

impl JsonFile {
    pub(crate) fn open(path: &ModelPath) -> Result<Self, ConfigError> {
        Ok(Self::from_map(path.as_path(), read_object(path, MAX_CONFIG_BYTES)?))
    }

    pub(crate) fn from_map(path: &Path, map: Map<String, Value>) -> Self {
        Self { path: path.to_owned(), map, read: RefCell::default() }
    }

    /// The value, unless the key is absent or null.
    pub(crate) fn get(&self, key: &'static str) -> Option<&Value> {
        self.read.borrow_mut().insert(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn u32(
        &self,
        key: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => self.to_u32(key, value, range),
        }
    }

    pub(crate) fn optional_u32(
        &self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, ConfigError> {
        self.get(key).map(|value| self.to_u32(key, value, range)).transpose()
    }

    pub(crate) fn f64(
        &self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Result<f64, ConfigError> {
        Ok(self.optional_f64(key, range)?.unwrap_or(default))
    }

    pub(crate) fn optional_f64(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_f64().ok_or_else(|| self.wrong_type(key, "a number", value))?;
        if range.contains(&number) { Ok(Some(number)) } else { Err(self.out_of_range(key, value, &range)) }
    }

    pub(crate) fn bool(&self, key: &'static str, default: bool) -> Result<bool, ConfigError> {
        Ok(self.optional_bool(key)?.unwrap_or(default))
    }

    pub(crate) fn optional_bool(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        let wrong = |value: &Value| self.wrong_type(key, "true or false", value);
        self.get(key).map(|value| value.as_bool().ok_or_else(|| wrong(value))).transpose()
    }

    /// A string that must be one of the names in `choices`; gives what stands beside it.
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &'static str,
        default: T,
        choices: &[(&'static str, T)],
    ) -> Result<T, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => self.to_choice(key, value, choices),
        }
    }

    /// A list of names, each one of `choices`.
    pub(crate) fn choices<T: Copy>(
        &self,
        key: &'static str,
        default: &[T],
        choices: &[(&'static str, T)],
    ) -> Result<Vec<T>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(default.to_vec()) };
        self.list(key, value)?.iter().map(|item| self.to_choice(key, item, choices)).collect()
    }

    /// A list of numbers.
    pub(crate) fn u32_list(
        &self,
        key: &'static str,
        default: &[u32],
        range: RangeInclusive<u32>,
    ) -> Result<Vec<u32>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(default.to_vec()) };
        self.list(key, value)?.iter().map(|item| self.to_u32(key, item, range.clone())).collect()
    }

    /// One number for all of `count` blocks, or a list with one for each.
    pub(crate) fn u32_per_block(
        &self,
        key: &'static str,
        default: u32,
        count: usize,
        range: RangeInclusive<u32>,
    ) -> Result<Vec<u32>, ConfigError> {
        match self.get(key) {
            Some(Value::Array(_)) => {
                let list = self.u32_list(key, &[], range)?;
                if list.len() != count {
                    return Err(self.unsupported(key, &format!("one number, or a list of {count}")));
                }
                Ok(list)
            }
            _ => Ok(vec![self.u32(key, default, range)?; count]),
        }
    }

    /// Refuses any value but those in `neutral`; an absent or null key is neutral too.
    pub(crate) fn require(&self, key: &'static str, neutral: &[Value]) -> Result<(), ConfigError> {
        match self.get(key) {
            Some(value) if !neutral.contains(value) => {
                let names: Vec<String> = neutral.iter().map(Value::to_string).collect();
                let names = if names.is_empty() { "null".to_owned() } else { names.join(" or ") };
                Err(self.unsupported(key, &names))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a key that nothing has read: it may change the model's arithmetic.
    pub(crate) fn refuse_unread(&self) -> Result<(), ConfigError> {
        let read = self.read.borrow();
        let unread = self
            .map
            .iter()
            .find(|(key, value)| !key.starts_with('_') && !value.is_null() && !read.contains(key.as_str()));
        match unread {
            Some((key, _)) => Err(ConfigError::UnknownKey { file: self.path.clone(), key: key.clone() }),
            None => Ok(()),
        }
    }

    /// Error for a value that is well formed but not one this crate computes.
    pub(crate) fn unsupported(&self, key: &'static str, supported: &str) -> ConfigError {
        ConfigError::Unsupported {
            file: self.path.clone(),
            key,
            value: self.map.get(key).map_or_else(|| "nothing".to_owned(), short),
            supported: supported.to_owned(),
        }
    }

    fn list<'a>(&self, key: &'static str, value: &'a Value) -> Result<&'a [Value], ConfigError> {
        const MAX_LIST: usize = 64;
        let list = value.as_array().ok_or_else(|| self.wrong_type(key, "a list", value))?;
        if list.is_empty() || list.len() > MAX_LIST {
            return Err(self.unsupported(key, &format!("a list of 1 to {MAX_LIST} items")));
        }
        Ok(list)
    }

    fn to_u32(
        &self,
        key: &'static str,
        value: &Value,
        range: RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        let number = value.as_u64().ok_or_else(|| self.wrong_type(key, "a whole number", value))?;
        u32::try_from(number)
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.out_of_range(key, value, &range))
    }

    fn to_choice<T: Copy>(
        &self,
        key: &'static str,
        value: &Value,
        choices: &[(&'static str, T)],
    ) -> Result<T, ConfigError> {
        let name = value.as_str().ok_or_else(|| self.wrong_type(key, "a string", value))?;
        choices.iter().find(|(known, _)| *known == name).map(|(_, found)| *found).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(known, _)| *known).collect();
            ConfigError::Unsupported {
                file: self.path.clone(),
                key,
                value: short(value),
                supported: names.join(" or "),
            }
        })
    }

    fn wrong_type(&self, key: &'static str, expected: &'static str, value: &Value) -> ConfigError {
        ConfigError::Type { file: self.path.clone(), key, expected, found: short(value) }
    }

    fn out_of_range<T: std::fmt::Display>(
        &self,
        key: &'static str,
        value: &Value,
        range: &RangeInclusive<T>,
    ) -> ConfigError {
        ConfigError::Range {
            file: self.path.clone(),
            key,
            value: short(value),
            min: range.start().to_string(),
            max: range.end().to_string(),
        }
    }
}

/// A value as text, cut to a length that fits an error line.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 48 { text } else { text.chars().take(48).chain("...".chars()).collect() }
}
