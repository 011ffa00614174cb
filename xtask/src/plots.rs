//! `plots`: the pictures of docs/performance.md, drawn from the tables in it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Error;
use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;

const FIGURES: &str = "docs/performance.md";
/// What is drawn of which table.
const PLOTS: [Plot; 3] = [
    Plot {
        file: "docs/inference-sd15.svg",
        title: "Stable Diffusion 1.5, CPU: milliseconds, less is better",
        table: "`compare.py --models sd15",
        columns: &["exact-v1, ms", "dfsn, ms", "diffusers, ms", "candle, ms"],
        one_scale: false,
    },
    Plot {
        file: "docs/inference-emoji-64.svg",
        title: "emoji-64, CPU: milliseconds, less is better",
        table: "`compare.py --models emoji-64",
        columns: &["exact-v1, ms", "dfsn, ms", "diffusers, ms"],
        one_scale: false,
    },
    Plot {
        file: "docs/products.svg",
        title: "Products of 1024x1024: 10^9 multiply-adds a second, more is better",
        table: "one thread | of the ceiling",
        columns: &["one thread", "two threads"],
        one_scale: true,
    },
];
const COLOURS: [&str; 4] = ["#0f9d76", "#3b82f6", "#a1a1aa", "#d97706"];
const WIDTH: f64 = 720.0;
const LEFT: f64 = 170.0;
const BAR: f64 = 16.0;

struct Plot {
    file: &'static str,
    title: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
    /// Whether rows are compared with each other, too.
    one_scale: bool,
}

/// Writes all of them.
pub(crate) fn plots() -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let mut steps = Steps::default();
    steps.run("plots", || match drawn(&workspace) {
        Ok(plots) => {
            let written = plots.into_iter().map(|(path, svg)| fs::write(&path, svg));
            Outcome::from_findings(written.filter_map(Result::err).map(|error| error.to_string()).collect())
        }
        Err(error) => Outcome::Failed(vec![error]),
    });
    Ok(steps.finish())
}

/// Each picture's path, and what it should hold.
fn drawn(workspace: &Workspace) -> Result<Vec<(PathBuf, String)>, String> {
    let text = fs::read_to_string(workspace.root().join(FIGURES)).map_err(|error| error.to_string())?;
    let one = |plot: &Plot| {
        let rows =
            rows(&text, plot).ok_or(format!("{FIGURES} has no table {} … with numbers", plot.table))?;
        Ok((workspace.root().join(plot.file), svg(plot, &rows)))
    };
    PLOTS.iter().map(one).collect()
}

/// Names and numbers of a table, the columns as a plot wants them.
fn rows<'a>(text: &'a str, plot: &Plot) -> Option<Vec<(&'a str, Vec<f64>)>> {
    let cells = |line: &'a str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let mut lines = text.lines().skip_while(|line| !line.trim_start_matches("| ").starts_with(plot.table));
    let header = cells(lines.next()?);
    let places = plot.columns.iter().map(|name| header.iter().position(|cell| cell == name));
    let places = places.collect::<Option<Vec<_>>>()?;
    let row = |line| {
        let cells = cells(line);
        let number = |place: &usize| cells.get(*place)?.replace(',', "").parse().ok();
        Some((*cells.first()?, places.iter().map(number).collect::<Option<Vec<f64>>>()?))
    };
    lines.skip(1).take_while(|line| line.starts_with('|')).map(row).collect()
}

/// Bars for each row, the row's longest of full length where rows differ by orders of magnitude. The page below is its own, since not
/// every viewer tells a picture whether it shows a dark one.
fn svg(plot: &Plot, rows: &[(&str, Vec<f64>)]) -> String {
    let group = BAR * (plot.columns.len() as f64 + 1.0);
    let height = 70.0 + group * rows.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>{title}</title>\n\
         <style>text {{ fill: #18181b }} .page {{ fill: #ffffff }} \
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e4e4e7 }} .page {{ fill: #18181b }} }}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text x=\"12\" y=\"24\" font-weight=\"600\">{title}</text>\n",
        title = plot.title,
    );
    for (index, (name, colour)) in plot.columns.iter().zip(COLOURS).enumerate() {
        let (x, name) = (LEFT + 120.0 * index as f64, name.trim_end_matches(", ms"));
        let name = if name == "dfsn" { "dfsn, libtorch" } else { name };
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"36\" width=\"10\" height=\"10\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"46\">{name}</text>", x + 15.0);
    }
    let longest = |numbers: &[f64]| numbers.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let of_all = longest(&rows.iter().map(|(_, numbers)| longest(numbers)).collect::<Vec<_>>());
    for (index, (name, numbers)) in rows.iter().enumerate() {
        let top = 62.0 + group * index as f64;
        let most = if plot.one_scale { of_all } else { longest(numbers) };
        let middle = top + BAR * plot.columns.len() as f64 / 2.0 + 4.0;
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>", LEFT - 10.0);
        for (bar, (number, colour)) in numbers.iter().zip(COLOURS).enumerate() {
            let (y, width) = (top + BAR * bar as f64, (WIDTH - LEFT - 80.0) * number / most);
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{number}</text>",
                BAR - 3.0,
                LEFT + width + 6.0,
                y + 11.0,
            );
        }
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_those_of_the_tables() {
        let workspace = Workspace::locate().unwrap();
        for (path, svg) in drawn(&workspace).unwrap() {
            let is = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(is, svg, "{}: run cargo xtask plots", path.display());
        }
    }

    #[test]
    fn a_table_is_found_by_its_header() {
        let plot = Plot { file: "", title: "", table: "`a", columns: &["y, ms", "x, ms"], one_scale: false };
        let text = "| b | x |\n|---|---|\n\n| `a b` | x, ms | r | y, ms |\n|---|---|---|---|\n| one | 1,000 | 2 | 3.5 |\n\n| z |\n";
        assert_eq!(rows(text, &plot), Some(vec![("one", vec![3.5, 1000.0])]));
        assert_eq!(rows("| `a` | x, ms |\n|---|---|\n| one | 1 |\n", &plot), None);
        assert_eq!(rows("", &plot), None);
    }
}
