//! Search files with several devices.

use edgefit_search::Metric;

use super::{SearchConfig, complete, parse};

/// Two devices, of which the second is used and bound in its own way.
const TWO: &str = "seed = 1\n[data]\nformat = \"digits\"\n[space]\npreset = \"mbconv\"\n[[devices]]\nname = \"pi\"\n\
                   [[devices]]\nname = \"phone\"\nthreads = 2\nconstraints = { latency_ms = { max = 3.0 } }\n[constraints]\n\
                   latency_ms = { max = 1.0 }\nparams = { max = 1000 }\n";

#[test]
fn several_devices_have_objectives_and_bounds_each() {
    let config = parse(TWO).unwrap();
    let goals = config.goals();
    let objectives: Vec<(Metric, u8)> = goals.objectives().iter().map(|o| (o.metric, o.device)).collect();
    assert_eq!(objectives, [(Metric::Accuracy, 0), (Metric::LatencyMs, 0), (Metric::LatencyMs, 1)]);
    let bounds: Vec<_> = goals.constraints().iter().map(|c| (c.metric, c.device, c.max)).collect();
    let (params, latency) = (Metric::Params, Metric::LatencyMs);
    assert_eq!(bounds, [(params, 0, Some(1000.0)), (latency, 0, Some(1.0)), (latency, 1, Some(3.0))]);
    assert_eq!(config.devices.labels(), ["pi", "phone"]);
    assert_eq!(complete(parse(&config.to_toml()).unwrap()), complete(config.clone()), "{}", config.to_toml());
    let mut chosen = config;
    chosen.choose_devices(&["phone".to_owned(), "board".to_owned()]).unwrap();
    assert_eq!(chosen.devices.iter().map(|device| device.threads).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_key_may_name_its_device() {
    let goals = "[objectives]\naccuracy = \"max\"\n\"latency_ms:phone\" = { target = 2.0 }\n\"peak_memory_kib:pi\" = \"min\"\n[constraints]\n\
                 \"latency_ms:pi\" = { max = 9.0 }\n";
    let config = parse(&TWO.replace("[constraints]\n", goals)).unwrap();
    let check = |config: &SearchConfig| {
        let goals = config.goals();
        let objectives: Vec<(Metric, u8)> = goals.objectives().iter().map(|o| (o.metric, o.device)).collect();
        assert_eq!(objectives, [(Metric::Accuracy, 0), (Metric::PeakMemoryKib, 0)]);
        assert_eq!(goals.targets().iter().map(|t| (t.metric, t.device)).collect::<Vec<_>>(), [(Metric::LatencyMs, 1)]);
        let latency = goals.constraints().iter().filter(|c| c.metric == Metric::LatencyMs);
        assert_eq!(latency.map(|c| (c.device, c.max)).collect::<Vec<_>>(), [(0, Some(9.0)), (1, Some(3.0))]);
    };
    check(&config);
    check(&parse(&config.to_toml()).unwrap());
    let phone = TWO.replace("[constraints]\n", "[objectives]\n\"latency_ms:phone\" = \"min\"\n[constraints]\n");
    let nothing_left = parse(&phone).unwrap().choose_devices(&["pi".to_owned()]).unwrap_err();
    assert!(nothing_left.to_string().contains("there is no objective"));
}

#[test]
fn what_is_wrong_with_several_devices_is_told() {
    let said = |from: &str, to: &str| parse(&TWO.replace(from, to)).unwrap_err().to_string();
    assert!(said("\"phone\"\nthreads = 2", "\"pi\"").contains("`pi (tract, 1 thread)` is there twice"));
    assert!(said("[data]", "[device]\nname = \"pi\"\n[data]").contains("`[[devices]]` of its own"));
    assert!(said("{ latency_ms = { max = 3.0 } }", "{ macs = { max = 3 } }").contains("is the same on every device"));
    assert!(said("threads = 2", "thread = 2").contains("devices.thread: unknown key"));
    assert!(
        said("latency_ms = { max = 1.0 }", "\"latency_ms:phon\" = { max = 1.0 }")
            .contains("did you mean `latency_ms:phone`")
    );
    assert!(
        said("latency_ms = { max = 1.0 }", "\"latency_ms:board\" = { max = 1.0 }").contains("there are pi and phone")
    );
    assert!(said("params = {", "\"params:pi\" = {").contains("is the same on every device"));
    assert!(said("latency_ms = { max = 1.0 }", "\"latency_us:pi\" = { max = 1.0 }").contains("write `latency_ms`"));
    assert!(said("latency_ms = { max = 1.0 }", "\"latency_ms:phone\" = { max = 1.0 }").contains("leave one of them"));
    let twice = "\"pi\"\nthreads = 3\n[[devices]]\nname = \"pi\"\n";
    assert!(
        said("\"pi\"\n", &format!("{twice}[objectives]\n\"latency_ms:pi\" = \"min\"\n"))
            .contains("names several devices")
    );
    assert!(said("[[devices]]\nname = \"pi\"\n[[devices]]", "[devices]").contains("takes 1 to 16 sections"));
}
