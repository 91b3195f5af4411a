//! A difference on one screen.

use std::fmt;

use super::{Change, Diff, Difference};

/// How many details of one thing are shown.
const DETAILS: usize = 8;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("Nothing changes.");
        }
        let sections = [
            ("Sources", &self.sources),
            ("Feature views", &self.views),
            ("On-demand feature views", &self.on_demand_views),
            ("Feature services", &self.services),
        ];
        let mut first = true;
        for (title, differences) in sections.into_iter().filter(|(_, differences)| !differences.is_empty()) {
            write!(f, "{}{title}", if first { "" } else { "\n" })?;
            first = false;
            show_section(differences, f)?;
        }
        if !self.broken.is_empty() {
            f.write_str("\nThis breaks")?;
        }
        for broken in &self.broken {
            write!(f, "\n  {}", broken.service)?;
            show_details(&broken.reasons, f)?;
        }
        Ok(())
    }
}

fn show_section(differences: &[Difference], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for difference in differences.iter().filter(|difference| difference.change != Change::Unchanged) {
        let change = match difference.change {
            Change::New => "new",
            Change::Changed => "changed",
            Change::Removed => "removed",
            Change::Unchanged => "unchanged",
        };
        let todo = match (difference.change, difference.rebuild) {
            (Change::New, true) => " (built from the log)",
            (_, true) => " (rebuilt from the log)",
            _ => "",
        };
        write!(f, "\n  {change:<9}  {}{todo}", difference.name)?;
        show_details(&difference.details, f)?;
    }
    let unchanged: Vec<&str> = differences
        .iter()
        .filter(|difference| difference.change == Change::Unchanged)
        .map(|difference| difference.name.as_str())
        .collect();
    if unchanged.is_empty() { Ok(()) } else { write!(f, "\n  unchanged  {}", unchanged.join(", ")) }
}

fn show_details(details: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for detail in details.iter().take(DETAILS) {
        write!(f, "\n      {detail}")?;
    }
    match details.len().saturating_sub(DETAILS) {
        0 => Ok(()),
        more => write!(f, "\n      and {more} more"),
    }
}
