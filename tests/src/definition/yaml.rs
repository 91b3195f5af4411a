//! Definitions as the text of a definition file.

use std::fmt::Write;

use thalweg_core::{Aggregation, Window};

use super::{
    Definitions, Entity, Expression, Feature, Format, Lookback, OnDemandView, Source, Time, TimeDelta, View,
    compares, keeps_nulls, name_of,
};

impl Definitions {
    /// The definition file that says this.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        let sources = self.sources.iter().map(source);
        let entities = self.entities.iter().map(entity);
        let views = self.views.iter().map(|view| self.view(view));
        write_list(&mut text, "sources", sources);
        write_list(&mut text, "entities", entities);
        write_list(&mut text, "feature_views", views);
        write_list(&mut text, "on_demand_feature_views", self.on_demand.iter().map(on_demand));
        text
    }

    fn view(&self, view: &View) -> Vec<String> {
        let entity = &self.entities[view.entity];
        let mut lines = vec![
            format!("name: {}", view.name),
            format!("entity: {}", entity.name),
            format!("source: {}", self.sources[view.source].name),
        ];
        let renamed = entity.join_keys.iter().zip(&view.join_keys);
        let renamed: Vec<_> = renamed
            .filter_map(|((name, _), expression)| Some(format!("{name}: {}", quoted(expression.as_ref()?))))
            .collect();
        if !renamed.is_empty() {
            lines.push(format!("join_keys: {{{}}}", renamed.join(", ")));
        }
        lines.extend(view.filter.as_ref().map(|filter| format!("where: {}", quoted(filter))));
        lines.extend(view.ttl.map(|ttl| format!("ttl: {ttl}")));
        lines.extend(view.forget.map(|forget| format!("forget: {forget}")));
        match view.lookback {
            Lookback::Unsaid => {}
            Lookback::Within(lookback) => lines.push(format!("lookback: {lookback}")),
            Lookback::Unbounded => lines.push("lookback: unbounded".to_owned()),
        }
        lines.push("features:".to_owned());
        lines.extend(view.features.iter().map(feature));
        lines
    }
}

fn write_list(text: &mut String, key: &str, items: impl ExactSizeIterator<Item = Vec<String>>) {
    if items.len() == 0 {
        return;
    }
    writeln!(text, "{key}:").expect("a string takes everything");
    for (n, line) in items.flat_map(|lines| lines.into_iter().enumerate()) {
        let mark = if n == 0 { "-" } else { " " };
        writeln!(text, "  {mark} {line}").expect("a string takes everything");
    }
}

fn source(source: &Source) -> Vec<String> {
    let time = |time: &Time| match time {
        Time::Field(name) => format!("\"{name}\""),
        Time::Record => "\"@timestamp\"".to_owned(),
    };
    let mut lines = vec![format!("name: {}", source.name), format!("topic: {}", source.name)];
    lines.extend(source.is_table.then(|| "kind: table".to_owned()));
    let mut fields: Vec<_> =
        source.around.iter().map(|(name, written)| format!("\"{name}\": {written}")).collect();
    match source.format {
        Format::Json => {
            fields.extend(source.fields.iter().map(|(name, written)| format!("{name}: {written}")));
            lines.push("format: json".to_owned());
        }
        Format::Debezium => panic!("changes are in no case"),
        Format::Avro => {
            lines.extend(["format: avro".to_owned(), format!("schema: '{}'", source.avro_schema())]);
        }
        Format::NamedAvro => {
            let schema = format!("schema: '{}'", source.avro_schema());
            lines.extend(["format: avro".to_owned(), "encoding: confluent".to_owned(), schema]);
        }
    }
    if !fields.is_empty() {
        lines.push(format!("fields: {{{}}}", fields.join(", ")));
    }
    lines.push(format!("event_time: {}", time(&source.event_time)));
    lines.extend(source.append_time.as_ref().map(|append| format!("append_time: {}", time(append))));
    lines.extend(source.order_by.as_ref().map(|field| format!("order_by: {field}")));
    lines.extend(source.max_ahead.map(|ahead| format!("max_ahead: {ahead}")));
    lines
}

fn entity(entity: &Entity) -> Vec<String> {
    let keys: Vec<_> = entity.join_keys.iter().map(|(name, of_type)| format!("{name}: {of_type}")).collect();
    vec![format!("name: {}", entity.name), format!("join_keys: {{{}}}", keys.join(", "))]
}

fn feature(feature: &Feature) -> String {
    let names: Vec<_> = feature.aggregations.iter().map(name_of).collect();
    let names = if feature.listed { format!("[{}]", names.join(", ")) } else { names.join(", ") };
    let mut parts = vec![format!("aggregate: {names}")];
    let length = feature.aggregations.iter().find_map(|aggregation| match aggregation {
        Aggregation::FirstN { n, .. } | Aggregation::LastN { n, .. } => Some(n),
        _ => None,
    });
    parts.extend(length.map(|n| format!("n: {n}")));
    let most_frequent = feature.aggregations.iter().find_map(|aggregation| match aggregation {
        Aggregation::TopK { k, .. } => Some(k),
        _ => None,
    });
    parts.extend(most_frequent.map(|k| format!("k: {k}")));
    let half_life = feature.aggregations.iter().find_map(|aggregation| match aggregation {
        Aggregation::ExpDecaySum { half_life } => Some(half_life),
        _ => None,
    });
    parts.extend(half_life.map(|half_life| format!("half_life: {half_life}")));
    let percentiles = feature.aggregations.iter().find_map(|aggregation| match aggregation {
        Aggregation::ApproxPercentile { percentiles } => Some(percentiles),
        _ => None,
    });
    parts.extend(percentiles.map(|percentiles| format!("percentiles: {percentiles}")));
    if feature.aggregations.iter().any(keeps_nulls) {
        parts.push("nulls: keep".to_owned());
    }
    if feature.aggregations.iter().any(compares) {
        parts.extend(feature.by.as_ref().map(|by| format!("by: {}", quoted(by))));
    }
    parts.extend(feature.of.as_ref().map(|(of, _)| format!("of: {}", quoted(of))));
    parts.extend(feature.filter.as_ref().map(|filter| format!("where: {}", quoted(filter))));
    if !feature.windows.is_empty() {
        let windows: Vec<_> = feature.windows.iter().map(|window| written(*window)).collect();
        parts.push(format!("windows: [{}]", windows.join(", ")));
    }
    format!("  {}: {{{}}}", feature.name, parts.join(", "))
}

fn on_demand(view: &OnDemandView) -> Vec<String> {
    let mut inputs = Vec::new();
    if !view.inputs.is_empty() {
        let features = view.inputs.iter().map(|(view, column)| format!("\"{view}:{column}\""));
        inputs.push(format!("features: [{}]", features.collect::<Vec<_>>().join(", ")));
    }
    if !view.request.is_empty() {
        let request = view.request.iter().map(|(name, of_type)| format!("{name}: {of_type}"));
        inputs.push(format!("request: {{{}}}", request.collect::<Vec<_>>().join(", ")));
    }
    let mut lines = vec![format!("name: {}", view.name), format!("inputs: {{{}}}", inputs.join(", "))];
    lines.push("features:".to_owned());
    lines.extend(view.features.iter().map(|of| format!("  {}: {}", of.name, quoted(&of.expression))));
    lines
}

fn written(window: Window) -> String {
    match window {
        Window::Lifetime => "lifetime".to_owned(),
        Window::Sliding { width, offset: TimeDelta::ZERO } => width.to_string(),
        Window::Sliding { width, offset } => format!("{{window: {width}, offset: {offset}}}"),
        Window::Coarse { width, offset: TimeDelta::ZERO, resolution } => {
            format!("{{window: {width}, resolution: {resolution}}}")
        }
        Window::Coarse { width, offset, resolution } => {
            format!("{{window: {width}, offset: {offset}, resolution: {resolution}}}")
        }
        Window::Tumbling { width, offset: 0 } => format!("{{tumbling: {width}}}"),
        Window::Tumbling { width, offset } => format!("{{tumbling: {width}, offset: {offset}}}"),
        Window::Session { gap } => format!("{{session: {gap}}}"),
    }
}

/// An expression as a YAML scalar.
fn quoted(expression: &Expression) -> String {
    format!("\"{}\"", expression.to_string().replace('\\', "\\\\").replace('"', "\\\""))
}
