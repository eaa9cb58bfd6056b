//! Reading a data set: a CSV file, or one of the packaged sets by name. Every refusal names the file, the line and the
//! column.

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use ridgepoint::fit::Model;
use ridgepoint::{Error, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// The packaged sets: see `assets/data/README.md` for their origin and licences.
pub const PACKAGED: [(&str, &str); 4] = [
    ("diabetes", include_str!("../../assets/data/diabetes.csv")),
    ("breast_cancer", include_str!("../../assets/data/breast_cancer.csv")),
    ("wine", include_str!("../../assets/data/wine.csv")),
    ("digits", include_str!("../../assets/data/digits.csv")),
];

/// A table of numbers with one column set apart.
#[derive(Debug)]
pub struct Table {
    /// What it was read from, for messages.
    pub place: String,
    /// Names of the feature columns.
    pub names: Vec<String>,
    /// `[rows, features]`.
    pub x: Vec<f64>,
    /// The name of the target column.
    pub target: String,
    /// The target as it stands in the file, with the line of each.
    cells: Vec<(u64, String)>,
}

/// The target in the form a model takes.
#[derive(Debug)]
pub struct Target {
    /// Numbers, or the position of each row's class in `classes`.
    pub y: Vec<f64>,
    /// Names of the classes, ascending; empty for linear models.
    pub classes: Vec<String>,
}

/// Reads `path`, or the packaged set of that name where no such file exists.
pub fn read(path: &Path, target: Option<&str>) -> Result<Table> {
    let place = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).map_err(|e| {
                let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count();
                Error::input(format!("{place}:{line}"), "the text is not UTF-8", "save the file as UTF-8 text")
            })?;
            parse(&place, &text, target)
        }
        Err(error) => match packaged(&place) {
            Some(text) => parse(&place, text, target),
            None => Err(Error::input(
                place,
                format!("cannot be read: {error}"),
                format!("give a CSV file, or one of the packaged sets: {}", PACKAGED.map(|(name, _)| name).join(", ")),
            )),
        },
    }
}

/// The text of a packaged set.
pub fn packaged(name: &str) -> Option<&'static str> {
    let wanted = name.replace('-', "_");
    PACKAGED.iter().find(|(known, _)| *known == wanted).map(|(_, text)| *text)
}

/// Comma, semicolon or tab: the one that occurs most in the header, outside of quotes.
fn delimiter(header: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        for (candidate, count) in &mut counts {
            *count += usize::from(*candidate == byte && !quoted);
        }
    }
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(byte, _)| *byte)
}

/// Reads the text of a CSV file with a header row.
pub fn parse(place: &str, text: &str, target: Option<&str>) -> Result<Table> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Error::input(place, "the file is empty", "give a header row and at least two rows of numbers"));
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let separator = delimiter(first);
    let mut reader = ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| malformed(place, &e))?.clone();
    let columns = names(place, &headers)?;
    let at = target_column(place, &columns, target)?;
    if columns.len() < 2 {
        return Err(Error::input(
            format!("{place}:1"),
            format!("the only column is the target `{}`", columns[at]),
            "at least one column of features is needed; columns are separated by commas, semicolons or tabs",
        ));
    }
    let (mut x, mut cells) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|e| malformed(place, &e))?;
        let line = record.position().map_or(0, csv::Position::line);
        for (j, cell) in record.iter().enumerate() {
            if j == at {
                cells.push((line, cell.trim().to_string()));
            } else {
                x.push(number(place, line, &columns[j], cell, separator)?);
            }
        }
    }
    if cells.len() < 2 {
        let rows = if cells.is_empty() { "no row" } else { "one row" };
        return Err(Error::input(
            place,
            format!("{rows} of data below the header"),
            "at least two rows are needed; the first line of the file must be the header",
        ));
    }
    let mut names = columns;
    let target = names.remove(at);
    Ok(Table { place: place.to_string(), names, x, target, cells })
}

/// The names in the header: present, and each only once.
fn names(place: &str, headers: &StringRecord) -> Result<Vec<String>> {
    let names: Vec<String> = headers.iter().map(|h| h.trim().to_string()).collect();
    for (j, name) in names.iter().enumerate() {
        let place = || format!("{place}:1");
        if name.is_empty() {
            return Err(Error::input(
                place(),
                format!("column {} has no name", j + 1),
                "name every column in the header; a column of row numbers is best left out",
            ));
        }
        if let Some(earlier) = names[..j].iter().position(|n| n == name) {
            return Err(Error::input(
                place(),
                format!("columns {} and {} are both named `{name}`", earlier + 1, j + 1),
                "give every column its own name",
            ));
        }
    }
    if names.iter().all(|n| n.parse::<f64>().is_ok()) {
        return Err(Error::input(
            format!("{place}:1"),
            "the first line holds numbers only, it must be the header",
            "put a line with the names of the columns on top",
        ));
    }
    Ok(names)
}

/// The position of the target: the column asked for, else the one named `target`, else the last.
fn target_column(place: &str, columns: &[String], target: Option<&str>) -> Result<usize> {
    let Some(wanted) = target else {
        return Ok(columns.iter().position(|c| c == "target").unwrap_or(columns.len() - 1));
    };
    columns.iter().position(|c| c == wanted).ok_or_else(|| {
        Error::input(
            format!("{place}:1"),
            format!("there is no column `{wanted}`"),
            format!("the columns are {}", list(columns)),
        )
    })
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(12).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 12 { format!("{shown} and {} more", names.len() - 12) } else { shown }
}

/// One cell as a finite number.
fn number(place: &str, line: u64, column: &str, cell: &str, separator: u8) -> Result<f64> {
    let cell = cell.trim();
    let refuse = |message: String, hint: &str| {
        Err(Error::input(format!("{place}:{line}, column `{column}`"), message, hint.to_string()))
    };
    match cell.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) if cell.bytes().any(|b| b.is_ascii_digit()) => {
            refuse(format!("{cell} is beyond the range of numbers"), "rescale the column")
        }
        Ok(_) => refuse(format!("the cell is {cell}"), "a fit needs finite numbers: fill the gaps or drop such rows"),
        Err(_) if cell.is_empty() => {
            refuse("the cell is empty".into(), "a fit needs finite numbers: fill the gaps or drop such rows")
        }
        Err(_) if separator != b',' && cell.replacen(',', ".", 1).parse::<f64>().is_ok() => {
            refuse(format!("`{cell}` has a decimal comma"), "write numbers with a decimal point")
        }
        Err(_) => refuse(
            format!("`{cell}` is not a number"),
            "features must be numeric: turn categories into columns of 0 and 1, or drop the column",
        ),
    }
}

/// An error of the CSV reader in our words.
fn malformed(place: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => Error::input(
            format!("{place}:{line}"),
            format!("the row has {len} cells, the header has {expected_len}"),
            "every row needs one cell per column",
        ),
        _ => Error::input(format!("{place}:{line}"), error.to_string(), "give a CSV file with a header row"),
    }
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.cells.len()
    }

    /// The target as numbers.
    pub fn numbers(&self) -> Result<Target> {
        let y = (self.cells.iter())
            .map(|(line, cell)| match cell.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value),
                _ => Err(Error::input(
                    format!("{}:{line}, column `{}`", self.place, self.target),
                    format!("the target `{cell}` is not a finite number"),
                    "a linear model needs a numeric target; for classes use --model logistic or --model softmax",
                )),
            })
            .collect::<Result<_>>()?;
        Ok(Target { y, classes: Vec::new() })
    }

    /// The target as classes, sorted: as numbers if all are, else as text. Numbers must be whole.
    pub fn classes(&self) -> Result<Target> {
        if let Some((line, _)) = self.cells.iter().find(|(_, cell)| cell.is_empty()) {
            return Err(Error::input(
                format!("{}:{line}, column `{}`", self.place, self.target),
                "the target is empty",
                "every row needs a class: drop the row or fill it in",
            ));
        }
        let numbers: Option<Vec<f64>> = self.cells.iter().map(|(_, cell)| cell.parse().ok()).collect();
        let (y, classes): (Vec<f64>, Vec<String>) = if let Some(values) = numbers {
            if let Some(ix) = values.iter().position(|v| v.fract() != 0.0) {
                return Err(Error::input(
                    format!("{}:{}, column `{}`", self.place, self.cells[ix].0, self.target),
                    format!("the class label {} is not a whole number", self.cells[ix].1),
                    "classes are whole numbers or text; for a measured target use --model linear",
                ));
            }
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            let position = |v: &f64| sorted.partition_point(|s| s < v) as f64;
            (values.iter().map(position).collect(), sorted.iter().map(f64::to_string).collect())
        } else {
            let sorted: BTreeSet<&str> = self.cells.iter().map(|(_, cell)| cell.as_str()).collect();
            let sorted: Vec<&str> = sorted.into_iter().collect();
            let position = |(_, cell): &(u64, String)| sorted.partition_point(|s| *s < cell.as_str()) as f64;
            (self.cells.iter().map(position).collect(), sorted.iter().map(ToString::to_string).collect())
        };
        Ok(Target { y, classes })
    }

    /// The target for `model` (`softmax`: the number of classes is filled in), and the model.
    pub fn for_model(&self, model: &str) -> Result<(Target, Model)> {
        if model == "linear" {
            return Ok((self.numbers()?, Model::Linear));
        }
        let target = self.classes()?;
        let refuse = |message: String, hint: &str| {
            Err(Error::input(format!("{}, column `{}`", self.place, self.target), message, hint.to_string()))
        };
        let n = target.classes.len();
        match model {
            _ if n == 1 => refuse(
                format!("every row has the class `{}`", target.classes[0]),
                "a classifier needs at least two classes",
            ),
            "logistic" if n == 2 => Ok((target, Model::Logistic)),
            "logistic" => refuse(
                format!("the target has {n} classes, a logistic model takes two"),
                "use --model softmax for more classes, --model linear for a measured target",
            ),
            _ if n == self.rows() => refuse(
                format!("all {n} rows have classes of their own"),
                "is this column a class? --target names another, --model linear fits a measured target",
            ),
            _ => Ok((target, Model::Softmax { classes: n })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, target: Option<&str>) -> String {
        parse("data.csv", text, target).expect_err("must be refused").to_string()
    }

    #[test]
    fn separators_quotes_and_byte_order_marks_are_read() {
        for text in [
            "\u{feff}a,\"b, c\",target\n1,2,3\n4,5,6\n",
            "a;b;target\r\n1;2;3\r\n4;5;6\r\n",
            "a\tb\ttarget\n1\t2\t3\n\n4\t5\t6",
        ] {
            let table = parse("data.csv", text, None).expect("readable");
            assert_eq!(table.x, [1.0, 2.0, 4.0, 5.0]);
            assert_eq!(table.numbers().expect("numbers").y, [3.0, 6.0]);
        }
        let table = parse("data.csv", "y,a\n1,2\n3,4", Some("y")).expect("readable");
        assert_eq!((table.x, table.names), (vec![2.0, 4.0], vec!["a".to_string()]));
    }

    #[test]
    fn every_refusal_names_its_place() {
        for (text, target, parts) in [
            ("", None, ["data.csv", "empty"]),
            ("a,target\n", None, ["data.csv", "no row"]),
            ("a,target\n1,2\n", None, ["data.csv", "one row"]),
            ("a,b,target\n1,2,3\n1,2\n", None, ["data.csv:3", "2 cells, the header has 3"]),
            ("a,b,target\n1,2,3\n1,red,2\n", None, ["data.csv:3, column `b`", "`red` is not a number"]),
            ("a,b,target\n1,2,3\n1,,2\n", None, ["data.csv:3, column `b`", "empty"]),
            ("a,b,target\n1,NaN,3\n1,2,2\n", None, ["data.csv:2, column `b`", "NaN"]),
            ("a,b,target\n1,-inf,3\n1,2,2\n", None, ["data.csv:2, column `b`", "-inf"]),
            ("a,b,target\n1,1e999,3\n1,2,2\n", None, ["data.csv:2, column `b`", "beyond the range"]),
            ("a;b;target\n1;2,5;3\n1;2;2\n", None, ["data.csv:2, column `b`", "decimal comma"]),
            ("a,a,target\n1,2,3\n1,2,3\n", None, ["data.csv:1", "both named `a`"]),
            (",a,target\n1,2,3\n1,2,3\n", None, ["data.csv:1", "column 1 has no name"]),
            ("1,2,3\n1,2,3\n1,2,3\n", None, ["data.csv:1", "must be the header"]),
            ("target\n1\n2\n", None, ["data.csv:1", "only column is the target"]),
            ("a,target\n1,2\n2,3\n", Some("price"), ["no column `price`", "`a`, `target`"]),
        ] {
            let got = message(text, target);
            assert!(parts.iter().all(|part| got.contains(part)), "{text:?} gave {got:?}, expected {parts:?}");
        }
    }

    #[test]
    fn classes_are_sorted_and_checked() {
        let read = |labels: [&str; 4]| {
            let text = labels.iter().fold("a,target\n".to_string(), |t, l| t + "1," + l + "\n");
            parse("data.csv", &text, None).expect("readable")
        };
        let numbers = read(["10", "2", "10", "2"]).for_model("logistic").expect("two").0;
        assert_eq!((numbers.y, numbers.classes), (vec![1.0, 0.0, 1.0, 0.0], vec!["2".to_string(), "10".to_string()]));
        let text = read(["red", "2", "blue", "2"]).for_model("softmax").expect("three").0;
        assert_eq!((text.y, text.classes), (vec![2.0, 0.0, 1.0, 0.0], vec!["2".into(), "blue".into(), "red".into()]));
        let refused = |labels, model| read(labels).for_model(model).expect_err("refused").to_string();
        assert!(
            refused(["1.5", "2", "1", "2"], "softmax").contains("data.csv:2, column `target`: the class label 1.5")
        );
        assert!(refused(["1", "2", "3", "2"], "logistic").contains("3 classes"));
        assert!(refused(["1", "1", "1", "1"], "softmax").contains("every row has the class"));
        assert!(refused(["1", "2", "3", "4"], "softmax").contains("rows have classes of their own"));
        assert!(refused(["x", "2", "3", "4"], "linear").contains("`x` is not a finite number"));
        assert!(refused(["", "2", "3", "4"], "softmax").contains("the target is empty"));
    }

    #[test]
    fn the_packaged_sets_are_readable() {
        for (name, rows, features, model) in [
            ("diabetes", 442, 10, "linear"),
            ("breast_cancer", 569, 30, "logistic"),
            ("wine", 178, 13, "softmax"),
            ("digits", 1797, 64, "softmax"),
        ] {
            let table = read(Path::new(name), None).expect(name);
            assert_eq!((table.rows(), table.names.len()), (rows, features), "{name}");
            table.for_model(model).expect(name);
        }
    }
}
