"""What a server has to offer: feature services, feature views and topics."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import flight


@dataclass(frozen=True)
class FeatureService:
    """A named set of features, as a model takes them."""

    #: The name.
    name: str
    #: Columns that rows must have: the entities' join keys with their types.
    join_keys: pa.Schema
    #: The feature columns, in order, as an answer names them.
    features: pa.Schema
    #: Columns that rows must have for on-demand features: what a request says, with the types.
    request_inputs: pa.Schema


@dataclass(frozen=True)
class FeatureView:
    """Features of one entity, folded from one source; or on-demand features, computed from others when asked for."""

    #: The name.
    name: str
    #: The entity's join keys with their types; of an on-demand view, those of its inputs.
    join_keys: pa.Schema
    #: The feature columns, in order, as an answer names them: `view__column`.
    features: pa.Schema
    #: Columns that rows must have for on-demand features: what a request says, with the types.
    request_inputs: pa.Schema


@dataclass(frozen=True)
class Topic:
    """A topic that a source reads."""

    #: The name.
    name: str
    #: Columns of its decoded events.
    schema: pa.Schema


def services(flights: list[flight.FlightInfo]) -> list[FeatureService]:
    """The feature services among `flights`."""
    found = [(_command(info), info.schema) for info in flights]
    return [
        FeatureService(command["feature_service"], *_parts(schema))
        for command, schema in found
        if "feature_service" in command
    ]


def views(flights: list[flight.FlightInfo]) -> list[FeatureView]:
    """The feature views of both kinds among `flights`: a server lists each by the command for all its features."""
    found = [(_command(info), info.schema) for info in flights]
    return [
        FeatureView(command["features"][0].removesuffix(":*"), *_parts(schema))
        for command, schema in found
        if command["type"] == "training_set" and command.get("features")
    ]


def topics(flights: list[flight.FlightInfo]) -> list[Topic]:
    """The topics among `flights`."""
    found = [(_command(info), info.schema) for info in flights]
    return [Topic(command["topic"], schema) for command, schema in found if command["type"] == "events"]


def _command(info: flight.FlightInfo) -> dict[str, Any]:
    command: dict[str, Any] = json.loads(info.descriptor.command)
    return command


def _parts(schema: pa.Schema) -> tuple[pa.Schema, pa.Schema, pa.Schema]:
    """Join keys are what is never null; request inputs say in their metadata that they are."""
    inputs = [field for field in schema if (field.metadata or {}).get(b"thalweg.role") == b"request_input"]
    keys = [field for field in schema if not field.nullable]
    features = [field for field in schema if field.nullable and field not in inputs]
    return pa.schema(keys), pa.schema(features), pa.schema([field.remove_metadata() for field in inputs])
