//! A made-up run, and what has to be true of everything that is written about it.

use edgefit_search::explain::{Common, Effect, Explanation};
use edgefit_search::{Constraint, Metric, Readings, Value};
use serde_json::{Value as Json, json};

use super::{
    Candidate, EarlyEnds, Fact, Layer, OnDevice, Predictor, Profile, ReportData, Span, TrainedEpoch, Untrained, Winner,
    WinnerContext, html_page, pareto_csv, winner_json,
};

/// Fractions that look random and are the same every time.
fn fraction(number: u64) -> f64 {
    (number.wrapping_mul(2_654_435_761) % 1_000) as f64 / 1_000.0
}

fn candidate(id: u64) -> Candidate {
    let latency = 0.05 * 40f64.powf(fraction(id * 31 + 3));
    let predicted = latency * (0.93 + 0.14 * fraction(id * 17 + 11));
    let error = 0.012 + 0.05 * (-latency * 4.0).exp() + 0.05 * fraction(id * 7 + 29) * fraction(id * 13 + 5);
    let accuracy = 1.0 - error;
    let accuracy = if id == 7 { 0.11 } else { accuracy };
    let mut readings = Readings::new()
        .with(Metric::Macs, Value::computed((latency * 1.6e6).round()))
        .with(Metric::Params, Value::computed((latency * 40_000.0).round()))
        .with(Metric::ModelSizeKib, Value::computed(latency * 160.0 + 9.0))
        .with(Metric::LatencyMs, Value::predicted(predicted, Some((predicted * 0.9, predicted * 1.1)), "device.table"))
        .with(Metric::PeakMemoryKib, Value::predicted(9_000.0 + latency * 900.0, None, "device.table"))
        .with(Metric::Accuracy, Value::measured(accuracy, None, "288 validation images after 3 epochs"));
    if id % 9 != 4 {
        let by = "local, tract 0.23.9, 1 thread, 3 processes";
        readings.add(Metric::LatencyMs, Value::measured(latency, Some((latency * 0.99, latency * 1.012)), by));
    }
    Candidate {
        id,
        genotype: format!("mbconv:stem{}-w16,24,{}-k3,5,3-e2,{},3-d1,2,{}", 8 + id % 8, 32 + id, 1 + id % 4, id % 3),
        meets_constraints: latency <= 1.0,
        is_front: false,
        baselines_ms: vec![Some(latency * (0.6 + 0.9 * fraction(id * 19 + 101)))],
        expected_accuracy: (id > 9)
            .then(|| Value::predicted(accuracy - 0.004, Some((accuracy - 0.02, 0.999)), "surrogate")),
        readings,
    }
}

fn mark_front(candidates: &mut [Candidate]) {
    let points: Vec<(f64, f64)> =
        candidates.iter().map(|c| (c.best(Metric::LatencyMs).unwrap(), c.best(Metric::Accuracy).unwrap())).collect();
    for (at, candidate) in candidates.iter_mut().enumerate() {
        let (latency, accuracy) = points[at];
        let is_beaten = points.iter().any(|(l, a)| *l <= latency && *a >= accuracy && (*l < latency || *a > accuracy));
        candidate.is_front = !is_beaten;
    }
}

fn finalist(trial: &Candidate, accuracy: f64) -> Candidate {
    let mut finalist = trial.clone();
    let latency = finalist.best(Metric::LatencyMs).unwrap();
    let readings = &mut finalist.readings;
    readings
        .add(Metric::Accuracy, Value::measured(accuracy, None, "winner.onnx on local, tract 0.23.9, 360 test images"));
    readings
        .add(Metric::PeakMemoryKib, Value::measured(9_480.0, None, "VmHWM of a fresh process, local, tract 0.23.9"));
    let by = "local, tract 0.23.9, 1 thread, 5 processes";
    readings.add(Metric::LatencyMs, Value::measured(latency * 1.004, Some((latency * 0.998, latency * 1.009)), by));
    finalist
}

fn layers() -> Vec<Layer> {
    let layer = |name: &str, operator: &str, milliseconds: f64| Layer {
        name: name.into(),
        operator: operator.into(),
        milliseconds,
    };
    vec![
        layer("normalize", "Sub + Mul", 0.004),
        layer("stem/conv", "Conv 3x3", 0.061),
        layer("stage1/block1/expand", "Conv 1x1", 0.048),
        layer("stage1/block1/depthwise", "DepthWiseConv 3x3", 0.172),
        layer("stage1/block1/project", "Conv 1x1", 0.039),
        layer("stage2/block1/depthwise", "DepthWiseConv 5x5", 0.203),
        layer("stage2/block1/depthwise.pack", "Pack", 0.011),
        layer("stage2/block1/project", "Conv 1x1", 0.028),
        layer("head/pool", "Reduce mean", 0.006),
        layer("head/dense", "MatMul", 0.009),
    ]
}

fn explanation() -> Explanation {
    let effect = |choice: &str, share: f64| Effect {
        choice: choice.into(),
        share,
        options: vec![("k3".into(), 0.95), ("k5".into(), 0.98)],
    };
    Explanation {
        networks: 40,
        explained: 0.62,
        effects: vec![effect("stage1.kernel", 0.4), effect("stage2.depth", 0.002)],
    }
}

/// The report of a run of 40 trials.
pub(crate) fn sample() -> ReportData {
    let mut candidates: Vec<Candidate> = (0..40).map(candidate).collect();
    mark_front(&mut candidates);
    let mut front: Vec<&Candidate> = candidates.iter().filter(|c| c.is_front && c.meets_constraints).collect();
    front.sort_by(|a, b| b.best(Metric::Accuracy).unwrap().total_cmp(&a.best(Metric::Accuracy).unwrap()));
    let finals = [0.9917, 0.9889, 0.9833];
    let finalists: Vec<Candidate> =
        front.iter().zip(finals).map(|(trial, accuracy)| finalist(trial, accuracy)).collect();
    let epochs = 1..=30;
    let training = epochs.map(|epoch| {
        let left = (-f64::from(epoch) / 6.0).exp();
        let wobble = 0.004 * fraction(epoch as u64);
        TrainedEpoch { loss: Some(0.32 + 1.9 * left), validation_accuracy: Some(0.993 - 0.35 * left - wobble) }
    });
    let winner = Winner {
        node_names: layers().into_iter().map(|layer| layer.name).filter(|name| !name.ends_with(".pack")).collect(),
        candidate: finalists[0].clone(),
        training: training.collect(),
    };
    let fact = |name: &str, value: &str| Fact { name: name.into(), value: value.into() };
    ReportData {
        run: "digits-mbconv-20261124-101500".into(),
        started: "2026-11-24T10:15:00.123456789Z".into(),
        edgefit_version: "0.1.0".into(),
        data: "digits: 1,797 images of 8x8x1, 10 classes".into(),
        space: "mbconv: 1.24e9 networks".into(),
        devices: vec![OnDevice {
            name: "local".into(),
            facts: vec![
                fact("Device", "local"),
                fact("Processor", "AMD EPYC, 2 cores"),
                fact("System", "Debian 12, Linux 6.1"),
                fact("Runtime", "tract 0.23.9"),
                fact("Threads", "1"),
                fact("Validity", "no flags"),
            ],
            objectives: vec![Metric::Accuracy, Metric::LatencyMs],
            reference: vec![(Metric::Accuracy, 0.1), (Metric::LatencyMs, 1.0)],
            explanations: vec![(Metric::Accuracy, explanation()), (Metric::LatencyMs, Explanation { explained: 0.0, ..explanation() })],
            predictor: Predictor { name: "kernel table".into(), baseline: "linear model on operator counts".into(), table_models: 16 },
            profile: Some(Profile { layers: layers(), scale: Some(0.93) }),
        }],
        constraints: vec![Constraint::at_most(Metric::LatencyMs, 1.0), Constraint::at_most(Metric::PeakMemoryKib, 16_384.0)],
        winner: Some(winner),
        finalists,
        hypervolume: (0..40).scan(0.0_f64, |best, at| { *best = best.max(0.8 * (1.0 - (-f64::from(at) / 9.0).exp()) + 0.05 * fraction(at as u64)); Some(*best) }).collect(),
        in_common: vec![Common { choice: "stem.width".into(), option: "w16".into(), share: 0.875, of_all: 0.4 }],
        candidates,
        untrained: Untrained { stopped: vec![(Constraint::at_most(Metric::LatencyMs, 1.0), 63), (Constraint::at_most(Metric::PeakMemoryKib, 16_384.0), 4)], duplicates: 5, failed: 1 },
        learned: None,
        early_ends: None,
        phases: vec![
            Span { name: "latency table".into(), seconds: 14.2 },
            Span { name: "search".into(), seconds: 61.0 },
            Span { name: "final training and measuring".into(), seconds: 24.0 },
        ],
        settings: "seed = 42\n\n[data]\nformat = \"digits\"\nvalidation = 0.2\n\n[space]\npreset = \"mbconv\"\n\n[constraints]\nlatency_ms = { max = 1.0 }\n".into(),
        reproduce: vec!["edgefit search host/examples/digits.toml".into()],
    }
}

#[test]
fn the_page_needs_nothing_else_and_runs_nothing() {
    let page = html_page(&sample());
    for forbidden in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "the page contains {forbidden}");
    }
    for expected in [
        "24 November 2026, 10:15 UTC",
        "Predicted against measured",
        "99.17 %",
        "✓ at most 1.00 ms",
        "k5 98.00 %, k3 95.00 %",
        "cannot be told from 40 networks",
        "88 % of the front, 40 % of all",
        "worst point, accuracy 10.00 %, latency 1.00 ms",
        "stage2/block1/depthwise",
    ] {
        assert!(page.contains(expected), "the page lacks {expected}");
    }
}

#[test]
fn whatever_a_user_typed_is_shown_and_not_obeyed() {
    let evil = "<script>alert(\"1\")</script>&amp;";
    let mut data = sample();
    data.run = evil.into();
    data.settings = evil.into();
    data.devices[0].facts[0].value = evil.into();
    data.candidates[3].genotype = evil.into();
    data.devices[0].profile.as_mut().unwrap().layers[1].name = evil.into();
    let page = html_page(&data);
    assert!(!page.contains("<script"));
    let shown = page.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;").count();
    assert!(shown >= 4, "shown {shown} times");
}

#[test]
fn a_run_without_winner_or_without_anything_has_a_page_too() {
    let mut data = sample();
    data.winner = None;
    assert!(html_page(&data).contains("No network met every bound"));
    data.candidates.clear();
    data.finalists.clear();
    data.hypervolume.clear();
    let page = html_page(&data);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn what_mattered_is_said_where_it_is_clear() {
    let said = super::reasons(&sample());
    let [(_, choices), (_, front)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(choices, "for accuracy: stage1.kernel 40 % (k5 best)");
    assert_eq!(front, "has in common: stem.width w16 (88 % of it)");
}

#[test]
fn what_early_ends_spared_is_told_on_the_page_and_at_the_end() {
    let early = EarlyEnds::of([(8, 16.0), (2, 6.0)], 8, 1);
    let data = ReportData { early_ends: Some(early), ..sample() };
    let told = "1 of 2 trainings ended early, which spared 6 of 16 epochs: 18 s of training";
    assert!(html_page(&data).contains(&format!("Of the candidates: {told}")));
    let said = super::reasons(&data);
    assert!(said.iter().any(|(name, said)| name == "spared" && said.starts_with(told)), "{said:?}");
    assert!(!html_page(&sample()).contains("ended early"));
}

/// The sample with a second device, twice as slow, whose bound decides.
fn of_two_devices() -> ReportData {
    let mut data = sample();
    let winner = &mut data.winner.as_mut().unwrap().candidate;
    for candidate in data.candidates.iter_mut().chain(&mut data.finalists).chain([winner]) {
        let slower = |(metric, value): (Metric, &Value)| {
            (metric, Value { value: 2.0 * value.value, interval: None, device: 1, ..value.clone() })
        };
        let elsewhere: Vec<_> =
            candidate.readings.iter().filter(|(metric, _)| metric.is_of_device()).map(slower).collect();
        candidate.readings.extend(elsewhere);
        candidate.baselines_ms.push(None);
    }
    let explanation = Explanation {
        effects: vec![Effect { choice: "stage3.width".into(), ..explanation().effects[0].clone() }],
        ..explanation()
    };
    let mut second = data.devices[0].clone();
    second.name = "phone".into();
    second.objectives = vec![Metric::LatencyMs];
    second.reference = vec![(Metric::LatencyMs, 3.0)];
    second.explanations = vec![(Metric::LatencyMs, explanation)];
    second.predictor.name = "forest".into();
    second.profile.as_mut().unwrap().layers[0].name = "only.there".into();
    data.devices.push(second);
    let bound = Constraint { device: 1, ..Constraint::at_most(Metric::LatencyMs, 3.0) };
    data.constraints.push(bound);
    data.untrained.stopped.push((bound, 17));
    data
}

#[test]
fn every_device_is_told_of() {
    let data = of_two_devices();
    let page = html_page(&data);
    for expected in [
        "Accuracy against cost on local",
        "Accuracy against cost on phone",
        "worst point, accuracy 10.00 %, latency 1.00 ms on local, latency 3.00 ms on phone",
        "stopped untrained: latency on phone at most 3.00 ms",
        "latency at most 3.00 ms: met",
        "only.there",
        "forest, which guided the search",
        "<h3>Latency on phone</h3>",
        "Latency predicted on phone",
    ] {
        assert!(page.contains(expected), "the page lacks {expected}");
    }
    assert!(!page.contains("NaN"));
    let said = super::reasons(&data);
    assert_eq!(said[1].1, "for latency_ms on phone: stage3.width 40 % (k3 best)");
    let csv = String::from_utf8(pareto_csv(&data.candidates[..1], &data.device_names())).unwrap();
    assert!(csv.lines().next().unwrap().ends_with("peak_memory_kib:phone"), "{csv}");
}

#[test]
fn no_coordinate_is_lost() {
    let page = html_page(&sample());
    assert!(!page.contains("NaN") && !page.contains("\"inf"), "a coordinate is no number");
}

#[test]
fn the_page_can_be_made_anew_from_data_that_were_kept() {
    let kept = serde_json::to_string(&sample()).unwrap();
    let read: ReportData = serde_json::from_str(&kept).unwrap();
    assert_eq!(html_page(&read), html_page(&sample()));
}

#[test]
fn the_front_is_a_row_each() {
    let data = sample();
    let front: Vec<&Candidate> = data.candidates.iter().filter(|candidate| candidate.is_front).collect();
    let text = String::from_utf8(pareto_csv(front.iter().copied(), &data.device_names())).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header[..3], ["id", "genotype", "accuracy"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), front.len());
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    for (row, candidate) in rows.iter().zip(&front) {
        assert_eq!(&row[at("genotype")], candidate.genotype);
        let measured = candidate.readings.measured(Metric::LatencyMs).map(|value| value.value);
        assert_eq!(row[at("latency_ms")].parse().ok(), measured);
    }
}

#[test]
fn the_winner_is_told_with_units_intervals_and_origins() {
    let data = sample();
    let context = WinnerContext {
        model: "winner.onnx".into(),
        model_sha256: "ab".into(),
        network_digest: "cd".into(),
        classes: vec!["0".into(), "1".into()],
        provenance: json!({ "edgefit_version": "0.1.0", "seed": 42 }),
    };
    let winner = &data.winner.as_ref().unwrap().candidate;
    let text = winner_json(winner, &data.device_names(), &data.constraints, &context);
    let told: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(told["schema"], "edgefit-winner/1");
    let latency = &told["metrics"]["latency_ms"];
    assert_eq!((latency["origin"].as_str(), latency["unit"].as_str()), (Some("measured"), Some("ms")));
    assert_eq!(latency["predicted"]["origin"], "predicted");
    assert!(latency["interval_95"][0].as_f64().unwrap() < latency["value"].as_f64().unwrap());
    assert_eq!(told["metrics"]["macs"]["origin"], "computed");
    assert_eq!(told["constraints"][0]["is_met"], true);
    assert_eq!(told["provenance"]["seed"], 42);
}
