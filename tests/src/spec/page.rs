//! The pages of `docs/rules`: what the specification files say, for people to read.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::file::Specification;
use crate::harness::Outcome;

/// Columns at which prose is broken into lines.
const WIDTH: usize = 110;

/// The text of every page by its path, from the names and texts of all files: a page for each folder of
/// files, and `README.md`, which lists them.
///
/// # Errors
/// What is wrong with a file.
pub fn pages<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Outcome<BTreeMap<String, String>> {
    let mut topics: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (file, text) in files {
        let (topic, name) = file.rsplit_once('/').ok_or_else(|| format!("{file} is in no folder"))?;
        topics.entry(topic).or_default().push((name, text));
    }
    let mut pages = BTreeMap::from([("README.md".to_owned(), index(&topics))]);
    for (topic, files) in topics {
        pages.insert(format!("{topic}.md"), page(topic, &files)?);
    }
    Ok(pages)
}

fn index(topics: &BTreeMap<&str, Vec<(&str, &str)>>) -> String {
    let mut text = wrapped(
        "# The rules, one by one\n\nWhat the value of a feature is, rule by rule, with examples. Each rule is a file of \
         [tests/spec](../../tests/spec/README.md), and every example is a test: it is run online, offline, after \
         restarts, in other orders of arrival, and must give the same rows each time. These pages are written from the \
         files by `make rules`.",
    );
    text.push_str("\n| topic | rules |\n|---|---|\n");
    for (topic, files) in topics {
        writeln!(text, "| [{topic}]({topic}.md) | {} |", files.len()).expect("a string takes everything");
    }
    text
}

fn page(topic: &str, files: &[(&str, &str)]) -> Outcome<String> {
    let depth = "../".repeat(topic.split('/').count() + 1);
    let mut text = format!("# {}\n", titled(topic.rsplit('/').next().unwrap_or(topic)));
    for (name, written) in files {
        let file = format!("{topic}/{name}");
        let rule = Specification::read(&file, written).map_err(|why| format!("{file}: {why}"))?.rule;
        let title = titled(name.trim_end_matches(".yaml"));
        let example = written.split_once("\n---\n").map_or("", |(_, example)| example).trim_end();
        write!(
            text,
            "\n## {title}\n\n{}\n<details><summary>Example</summary>\n\n```yaml\n{example}\n```\n\n\
             [{name}]({depth}tests/spec/{file})\n\n</details>\n",
            wrapped(&rule)
        )
        .expect("a string takes everything");
    }
    Ok(text)
}

/// A file's name as a title: names have no apostrophes and no capital letters.
fn titled(name: &str) -> String {
    let words = name.split('-').map(|word| match word {
        "nan" => "NaN",
        "utf8" => "UTF-8",
        "json" => "JSON",
        "sql" => "SQL",
        "null" => "NULL",
        word => word,
    });
    let words = words.collect::<Vec<_>>().join(" ").replace(" s ", "'s ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `prose` with its paragraphs in lines of at most [`WIDTH`] columns, where words allow it.
fn wrapped(prose: &str) -> String {
    let mut text = String::new();
    for paragraph in prose.split("\n\n") {
        if !text.is_empty() {
            text.push('\n');
        }
        let mut column = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            let (before, used) = match column {
                0 => ("", 0),
                _ if column + 1 + length > WIDTH => ("\n", 0),
                _ => (" ", column + 1),
            };
            text.extend([before, word]);
            column = used + length;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_on_its_topics_page_under_its_name() {
        let long = format!("Of {}end.", "many words ".repeat(20));
        let text = format!("rule: >\n  {long}\n---\nsources: []\n---\nrefused: [sources]\n");
        let files = [("a/b/one-rule.yaml", text.as_str()), ("c/two.yaml", text.as_str())];
        let pages = pages(files).expect("two files");
        assert_eq!(pages.keys().collect::<Vec<_>>(), ["README.md", "a/b.md", "c.md"]);
        assert!(pages["README.md"].contains("| [a/b](a/b.md) | 1 |"));
        let page = &pages["a/b.md"];
        assert!(page.starts_with("# B\n\n## One rule\n\nOf many words"), "{page}");
        assert!(page.contains("```yaml\nsources: []\n---\nrefused: [sources]\n```"), "{page}");
        assert!(page.contains("[one-rule.yaml](../../../tests/spec/a/b/one-rule.yaml)"), "{page}");
        let prose = page.split("\n\n").nth(2).expect("the rule");
        assert!(prose.lines().count() == 3 && prose.lines().all(|line| line.len() <= WIDTH), "{prose}");
    }
}
