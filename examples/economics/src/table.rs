//! Tables, for people, for documents and for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A title, a line of heads, rows of as many cells, and remarks.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    title: String,
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    remarks: Vec<String>,
    /// Columns from the left that hold words; the others hold numbers.
    words: usize,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, words: usize, heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { title: title.into(), heads, rows: Vec::new(), remarks: Vec::new(), words }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.heads.len(), "a cell a column");
        self.rows.push(cells);
    }

    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// Aligned columns, words to the left and numbers to the right.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        let widths = self.widths();
        let mut line = |cells: &[String]| {
            let mut padded = String::new();
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let fill = " ".repeat(width - cell.chars().count());
                let (before, behind) =
                    if column < self.words { ("", fill.as_str()) } else { (fill.as_str(), "") };
                let _ = write!(padded, "  {before}{cell}{behind}");
            }
            text.push_str(padded.trim_end());
            text.push('\n');
        };
        line(&self.heads);
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        line(&rule);
        self.rows.iter().for_each(|row| line(row));
        for remark in &self.remarks {
            let _ = write!(text, "\n  {remark}");
        }
        text.push_str(if self.remarks.is_empty() { "\n" } else { "\n\n" });
        text
    }

    /// A section with a table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.title);
        let mut line = |cells: &[String]| {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(&self.heads);
        let rule: Vec<String> =
            (0..self.heads.len()).map(|n| if n < self.words { "---" } else { "---:" }.to_owned()).collect();
        line(&rule);
        self.rows.iter().for_each(|row| line(row));
        text.push('\n');
        for remark in &self.remarks {
            let _ = writeln!(text, "{remark}\n");
        }
        text
    }

    /// The title and an object a row; numbers are numbers.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.object(row)).collect();
        json!({ "title": self.title, "rows": rows, "remarks": self.remarks })
    }

    fn object(&self, row: &[String]) -> Value {
        let cell = |(column, text): (usize, &String)| {
            let number = if column < self.words { None } else { serde_json::from_str(text).ok() };
            number.unwrap_or_else(|| Value::from(text.as_str()))
        };
        let cells = row.iter().enumerate().map(cell);
        Value::Object(self.heads.iter().cloned().zip(cells).collect::<Map<_, _>>())
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&self.heads]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        (0..self.heads.len()).map(width).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn table() -> Table {
        let mut table = Table::new("A title", 1, &["name", "n"]);
        table.row(vec!["one".to_owned(), "1.50".to_owned()]);
        table.row(vec!["a hundred".to_owned(), "never".to_owned()]);
        table.remark("A remark.");
        table
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "A title\n\n  name           n\n  ---------  -----\n  one         1.50\n  a hundred  never\n\n  A remark.\n\n";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn markdown_and_json_hold_the_same() {
        assert!(table().markdown().contains("| name | n |\n| --- | ---: |\n| one | 1.50 |\n"));
        let json = table().json();
        assert_eq!(json["rows"][0]["n"], 1.5);
        assert_eq!(json["rows"][1]["n"], "never");
    }
}
