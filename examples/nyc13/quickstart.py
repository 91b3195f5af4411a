"""A training set to pandas, then a lookup. In another terminal: thalweg serve -c thalweg-demo/thalweg.yaml"""

from pathlib import Path

import pandas as pd
import thalweg

client = thalweg.Client()  # 127.0.0.1:7461, or what THALWEG_SERVER says

# Rows to learn from: who left when, and whether the flight landed more than 15 minutes late.
data = Path(__file__).parent / "data"
departures = pd.read_parquet(data / "departures.parquet").rename(columns={"dep_at": "event_timestamp"})
arrivals = pd.read_parquet(data / "arrivals.parquet", columns=["flight_id", "arr_delay"])
rows = departures[["flight_id", "carrier", "origin", "dest", "tailnum", "event_timestamp"]].merge(arrivals)
rows["late"] = rows.pop("arr_delay") > 15

# What was known of each flight at the instant it left, with nothing of what came after.
job = client.get_historical_features(rows, feature_service="delay_model")
training = job.to_df()
print(f"{len(training):,} rows, {len(training.columns)} columns, commit {job.commit[:12]}")
print(training.groupby(training["origin_departures__late_1h"] > 20)["late"].mean().rename("landed late"))

# The same features for a flight that leaves now: where the events end, for the demo's server.
flight = {"carrier": "UA", "origin": "EWR", "dest": "SFO", "tailnum": "N14228"}
answer = client.get_online_features(feature_service="delay_model", entity_rows=[flight])
print(f"at {answer.at:%Y-%m-%d %H:%M} UTC:")
print(answer.to_df().T.to_string(header=False))
