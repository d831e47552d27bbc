//! What a board says of its own state: a Raspberry Pi's throttle register, Android's thermal status.

use edgefit_protocol::environment::Environment;

use super::Flag;

/// Bits of the throttle register that mean "now"; 16 above each is the same since the board started.
const NOW: u32 = 0xf;

/// What the bits from 0 on mean.
const NAMES: [&str; 4] = ["under-voltage", "frequency capped", "throttled", "soft temperature limit"];

/// Every flag of one pass.
pub(super) fn flags(before: &Environment, after: &Environment) -> Vec<Flag> {
    let bits = after.throttled_bits.unwrap_or(0);
    let now = bits & NOW;
    // What the register was before is not taken for 0 where it could not be read.
    let new = before.throttled_bits.map_or(0, |before| bits & !before);
    let status = before.thermal_status.max(after.thermal_status).unwrap_or(0);
    [
        (now != 0).then_some(Flag::Throttled { bits: now }),
        (new != 0).then_some(Flag::NewlyThrottled { bits: new }),
        (status > 0).then_some(Flag::Hot { status }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What bits mean, of now or since the board started.
pub(super) fn throttle_names(bits: u32) -> String {
    let either = bits | bits >> 16;
    let set = NAMES.iter().enumerate().filter(|(bit, _)| either >> bit & 1 == 1);
    let names: Vec<&str> = set.map(|(_, name)| *name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(before: Option<u32>, after: Option<u32>) -> Vec<Flag> {
        let with = |throttled_bits| Environment { throttled_bits, ..Environment::default() };
        flags(&with(before), &with(after))
    }

    #[test]
    fn old_throttling_is_no_flag_and_new_is() {
        assert_eq!(throttled(Some(0x50000), Some(0x50000)), []);
        assert_eq!(throttled(Some(0x10000), Some(0x50000)), [Flag::NewlyThrottled { bits: 0x40000 }]);
        assert_eq!(throttled(Some(0x50005), Some(0x50005)), [Flag::Throttled { bits: 5 }]);
        let both = [Flag::Throttled { bits: 4 }, Flag::NewlyThrottled { bits: 0x40004 }];
        assert_eq!(throttled(Some(0), Some(0x40004)), both);
        assert_eq!(throttled(None, Some(0x50000)), [], "what was before is not known");
        assert_eq!(throttled(None, None), []);
    }

    #[test]
    fn a_flag_names_its_bits() {
        let text = Flag::NewlyThrottled { bits: 0x50000 }.to_string();
        assert!(text.contains("under-voltage, throttled (new bits 0x50000)"), "{text}");
        assert_eq!(throttle_names(0x80008), "soft temperature limit");
    }

    #[test]
    fn a_hot_phone_is_flagged_by_the_worse_of_before_and_after() {
        let with = |thermal_status| Environment { thermal_status, ..Environment::default() };
        assert_eq!(flags(&with(Some(0)), &with(Some(0))), []);
        assert_eq!(flags(&with(Some(2)), &with(Some(1))), [Flag::Hot { status: 2 }]);
        assert_eq!(flags(&with(None), &with(Some(3))), [Flag::Hot { status: 3 }]);
    }
}
