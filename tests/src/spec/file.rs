//! A specification file: a rule in words, definitions, events, and the rows that must come out.

use std::collections::BTreeMap;

use serde_json::Value as Schema;
use thalweg_backfill::AsOf;
use thalweg_core::Status;

use super::avro;
use super::mode::Mode;
use super::record::{Record, records};
use super::values::instant;
use super::yaml::{Content, Node, parse};
use crate::harness::Outcome;

/// What a file says.
#[derive(Clone, Debug)]
pub struct Specification {
    /// Its path below the folder of all of them.
    pub file: String,
    /// The rule in words.
    pub rule: String,
    /// Whether events at the very instant asked for are left out.
    pub exclusive: bool,
    /// Whether the rule hangs on partitions and offsets, so that both are as written.
    pub lossy_order: bool,
    /// Modes in which the rule cannot be seen, and why.
    pub without: BTreeMap<Mode, String>,
    /// The definitions as they are written.
    pub definitions: String,
    /// The same as a tree.
    pub defined: Node,
    /// The schemas that records were written with, by their numbers in a registry.
    pub schemas: BTreeMap<u32, Schema>,
    /// What must come of them.
    pub claim: Claim,
}

/// What a file claims.
#[derive(Clone, Debug)]
pub enum Claim {
    /// The definitions are refused, with a message that has these parts.
    Refused(Vec<String>),
    /// From the events come the rows.
    Example(Example),
}

/// Events, and what comes of them.
#[derive(Clone, Debug)]
pub struct Example {
    /// The records of all topics, those of each in the order they are appended.
    pub records: Vec<Record>,
    /// What is asked, and what must be answered.
    pub rows: Vec<Row>,
    /// All dead letters, where the file says which there are.
    pub letters: Option<Vec<Letter>>,
    /// For columns, how many of the rows that ask them have another value as of event time than as of what was
    /// known.
    pub leakage: BTreeMap<String, u64>,
}

/// The expected answer for join keys at an instant.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line it stands in.
    pub line: usize,
    /// The join keys.
    pub keys: Vec<(String, Node)>,
    /// The instant, microseconds since the epoch.
    pub at: i64,
    /// Whether a lookup must refuse it, because it lies further back than the view's lookback.
    pub out_of_range: bool,
    /// Which events it sees; only rows that see all are asked of lookups.
    pub as_of: AsOf,
    /// A part of the message with which training sets must refuse it, if they must.
    pub refused: Option<String>,
    /// The expected columns, at least one.
    pub cells: Vec<Cell>,
}

/// One expected column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its name, `view__column`.
    pub column: String,
    /// Its value; any, if only the status is written.
    pub value: Option<Node>,
    /// Its status; what follows from the value, if it is not written.
    pub status: Option<Status>,
}

/// An expected dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Topic of the record.
    pub topic: String,
    /// Which record of that topic, from 1.
    pub event: usize,
    /// The view it is dead for; all, if none.
    pub view: Option<String>,
    /// A part of the reason.
    pub reason: Option<String>,
}

impl Specification {
    /// Reads the text of the file called `file`.
    ///
    /// # Errors
    /// What is wrong with it, with the line.
    pub fn read(file: &str, text: &str) -> Outcome<Self> {
        let [first, definitions, third] = documents(text)?;
        let (rule, options) = (parse(&first.0, first.1)?, parse(&definitions.0, definitions.1)?);
        let third = parse(&third.0, third.1)?;
        let mut specification = Self {
            file: file.to_owned(),
            rule: String::new(),
            exclusive: false,
            lossy_order: false,
            without: BTreeMap::new(),
            definitions: definitions.0,
            defined: options,
            schemas: schemas(&third)?,
            claim: claim(&third)?,
        };
        for (key, value) in rule.entries("`rule` and options")? {
            match key.as_str() {
                "rule" => specification.rule = value.text("the rule in words")?.trim().to_owned(),
                "boundary" if value.text("exclusive")? == "exclusive" => specification.exclusive = true,
                "lossy_order" if value.text("true")? == "true" => specification.lossy_order = true,
                "without" => {
                    for (mode, reason) in value.entries("modes, and why each cannot show the rule")? {
                        let known = Mode::named(mode)
                            .ok_or_else(|| format!("line {}: there is no mode `{mode}`", reason.line))?;
                        let reason = reason.text("a sentence that says why")?.trim().to_owned();
                        specification.without.insert(known, reason);
                    }
                }
                _ => return Err(format!("line {}: `{key}` with `{value}` means nothing here", value.line)),
            }
        }
        match specification.rule.is_empty() {
            true => Err("line 1: the file has no `rule` in words".to_owned()),
            false => Ok(specification),
        }
    }
}

/// The three documents, each with its first line.
fn documents(text: &str) -> Outcome<[(String, usize); 3]> {
    let mut documents = vec![(String::new(), 1)];
    for (line, number) in text.lines().zip(1..) {
        match documents.last_mut() {
            Some((document, _)) if line != "---" => document.extend([line, "\n"]),
            _ => documents.push((String::new(), number + 1)),
        }
    }
    documents.try_into().map_err(|found: Vec<_>| {
        format!("expected 3 documents with lines `---` between them, found {}", found.len())
    })
}

/// The schemas under `schemas`, by their numbers.
fn schemas(document: &Node) -> Outcome<BTreeMap<u32, Schema>> {
    let given = document.get("schemas").map_or(Ok(&[][..]), |given| given.entries("schemas by number"))?;
    let numbered = |(number, node): &(String, Node)| {
        let number = number.parse().map_err(|_| format!("line {}: `{number}` is no number", node.line))?;
        Ok((number, avro::schema(node)?))
    };
    given.iter().map(numbered).collect()
}

fn claim(document: &Node) -> Outcome<Claim> {
    let (mut written, mut rows, mut letters, mut refused) = (Vec::new(), Vec::new(), None, None);
    let mut leakage = BTreeMap::new();
    for (key, value) in document.entries("`events` and `rows`, or `refused`")? {
        match key.as_str() {
            "schemas" => {}
            "events" => written = records(value)?,
            "rows" => rows = value.items("a list of rows")?.iter().map(row).collect::<Outcome<_>>()?,
            "dead_letters" => {
                let items = value.items("a list of dead letters")?.iter().map(letter);
                letters = Some(items.collect::<Outcome<Vec<_>>>()?);
            }
            "leakage" => {
                for (column, count) in value.entries("a map of column to a number of rows")? {
                    let number = count.text("a number of rows")?.parse();
                    leakage.insert(column.clone(), number.map_err(|_| count.wrong("a number of rows"))?);
                }
            }
            "refused" => {
                let parts = value.items("a list of parts of the message")?.iter();
                let parts = parts.map(|part| part.text("a text").map(str::to_owned));
                refused = Some(parts.collect::<Outcome<Vec<_>>>()?);
            }
            _ => return Err(format!("line {}: `{key}` means nothing here", value.line)),
        }
    }
    let claims_rows = !rows.is_empty() || letters.as_ref().is_some_and(|letters| !letters.is_empty());
    match refused {
        Some(parts) if !parts.is_empty() && !claims_rows && written.is_empty() => Ok(Claim::Refused(parts)),
        None if claims_rows => Ok(Claim::Example(Example { records: written, rows, letters, leakage })),
        _ => Err(format!(
            "line {}: the file must claim something: rows, dead letters, or that it is `refused`",
            document.line
        )),
    }
}

fn row(node: &Node) -> Outcome<Row> {
    let mut row = Row {
        line: node.line,
        keys: Vec::new(),
        at: 0,
        out_of_range: false,
        as_of: AsOf::EventTime,
        refused: None,
        cells: Vec::new(),
    };
    let mut at = None;
    for (key, value) in node.entries("a row: join keys, `at`, columns")? {
        match key.as_str() {
            "at" => at = Some(read_instant(value)?),
            "@lookup" => row.out_of_range = value.text("OUT_OF_RANGE")? == "OUT_OF_RANGE",
            "@as_of" => row.as_of = as_of(value)?,
            "@refused" => row.refused = Some(value.text("a part of the message")?.to_owned()),
            name => match (name.strip_suffix("__status"), name.contains("__")) {
                (Some(column), _) => cell_of(&mut row.cells, column).status = Some(status(value)?),
                (None, true) => cell_of(&mut row.cells, name).value = Some(value.clone()),
                (None, false) => row.keys.push((name.to_owned(), value.clone())),
            },
        }
    }
    row.at = at.ok_or_else(|| format!("line {}: the row has no `at`", node.line))?;
    if row.cells.is_empty() {
        return Err(format!("line {}: the row expects no column, so it says nothing", node.line));
    }
    Ok(row)
}

/// The cell of `column`, which is made if it is not there.
fn cell_of<'a>(cells: &'a mut Vec<Cell>, column: &str) -> &'a mut Cell {
    let place = cells.iter().position(|cell| cell.column == column).unwrap_or_else(|| {
        cells.push(Cell { column: column.to_owned(), value: None, status: None });
        cells.len() - 1
    });
    &mut cells[place]
}

fn as_of(node: &Node) -> Outcome<AsOf> {
    let text = node.text("event_time, known or served")?;
    [AsOf::EventTime, AsOf::Known, AsOf::Served]
        .into_iter()
        .find(|as_of| as_of.name() == text)
        .ok_or_else(|| node.wrong("event_time, known or served"))
}

fn status(node: &Node) -> Outcome<Status> {
    let all = [Status::Present, Status::NullValue, Status::NotFound, Status::OutsideMaxAge];
    let text = node.text("a status")?;
    all.into_iter().find(|status| status.name() == text).ok_or_else(|| node.wrong("a status"))
}

/// An instant, microseconds since the epoch.
pub fn read_instant(node: &Node) -> Outcome<i64> {
    let Content::Scalar(text, plain) = &node.content else { return Err(node.wrong("an instant")) };
    instant(text, *plain).ok_or_else(|| node.wrong("an instant in RFC 3339, or in microseconds"))
}

fn letter(node: &Node) -> Outcome<Letter> {
    let mut letter = Letter { topic: String::new(), event: 0, view: None, reason: None };
    for (key, value) in node.entries("a dead letter: topic, event, view, reason")? {
        let text = value.text("a text or number")?;
        match key.as_str() {
            "topic" => letter.topic = text.to_owned(),
            "event" => letter.event = text.parse().map_err(|_| value.wrong("a number from 1 on"))?,
            "view" => letter.view = Some(text.to_owned()),
            "reason" => letter.reason = Some(text.to_owned()),
            _ => return Err(format!("line {}: `{key}` means nothing here", value.line)),
        }
    }
    match letter.topic.is_empty() || letter.event == 0 {
        true => Err(format!("line {}: a dead letter has a `topic` and an `event` from 1 on", node.line)),
        false => Ok(letter),
    }
}
