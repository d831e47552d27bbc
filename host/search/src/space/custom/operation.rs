//! The operations that a definition can name, alone or with their kernel: `conv` and `conv_3`.

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Standard convolution.
    Conv,
    /// Standard convolution whose taps are two positions apart.
    Dilated,
    /// Depthwise, then pointwise convolution.
    Separable,
    /// The same with taps two positions apart.
    DilatedSeparable,
    /// Depthwise convolution alone.
    Depthwise,
    /// Maximum over a window.
    MaxPool,
    /// Mean over a window.
    MeanPool,
    /// Patches side by side, each as one position.
    Patches,
    /// Attention over all positions, added to its input.
    Attention,
    /// Two pointwise convolutions, widening between, added to their input.
    Mlp,
    /// Squeeze-and-excitation.
    Squeeze,
    /// What a depthwise convolution sees around a position, added to it.
    Positions,
    /// Its input.
    Identity,
    /// Nothing: the edge of a cell is not there.
    None,
}

/// Every operation by its name.
const ALL: [(&str, Operation); 14] = [
    ("conv", Operation::Conv),
    ("dilated", Operation::Dilated),
    ("separable", Operation::Separable),
    ("dilated_separable", Operation::DilatedSeparable),
    ("depthwise", Operation::Depthwise),
    ("max_pool", Operation::MaxPool),
    ("mean_pool", Operation::MeanPool),
    ("patches", Operation::Patches),
    ("attention", Operation::Attention),
    ("mlp", Operation::Mlp),
    ("squeeze", Operation::Squeeze),
    ("positions", Operation::Positions),
    ("identity", Operation::Identity),
    ("none", Operation::None),
];

/// Largest kernel that a name can have.
const MOST_KERNEL: usize = 63;

impl Operation {
    /// The operation of a name, and its kernel if the name says it.
    pub(super) fn parse(text: &str) -> Option<(Self, Option<usize>)> {
        let find = |name: &str| ALL.iter().find(|(known, _)| *known == name).map(|(_, operation)| *operation);
        if let Some(operation) = find(text) {
            return Some((operation, None));
        }
        let (name, kernel) = text.rsplit_once('_')?;
        let operation = find(name).filter(|operation| operation.has_window())?;
        let kernel: usize = kernel.parse().ok()?;
        let is_possible = kernel <= MOST_KERNEL && (kernel % 2 == 1 || operation == Self::Patches && kernel > 0);
        is_possible.then_some((operation, Some(kernel)))
    }

    /// The names.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|(name, _)| *name)
    }

    /// Whether it has a kernel.
    pub(super) fn has_window(self) -> bool {
        self.can_stride() || self == Self::Patches
    }

    /// Whether it can lower the resolution by a stride.
    pub(super) fn can_stride(self) -> bool {
        matches!(
            self,
            Self::Conv
                | Self::Dilated
                | Self::Separable
                | Self::DilatedSeparable
                | Self::Depthwise
                | Self::MaxPool
                | Self::MeanPool
        )
    }

    /// Whether a nonlinearity stands behind it unless another is stated.
    pub(super) fn is_activated(self) -> bool {
        matches!(self, Self::Conv | Self::Dilated | Self::Separable | Self::DilatedSeparable | Self::Depthwise)
    }

    /// Whether it leaves the number of channels as it is and can therefore stand in a cell.
    pub(super) fn fits_cells(self) -> bool {
        !matches!(self, Self::Patches)
    }
}

#[cfg(test)]
mod tests {
    use super::Operation;

    #[test]
    fn names_may_hold_a_kernel() {
        assert_eq!(Operation::parse("conv"), Some((Operation::Conv, None)));
        assert_eq!(Operation::parse("max_pool_3"), Some((Operation::MaxPool, Some(3))));
        assert_eq!(Operation::parse("patches_4"), Some((Operation::Patches, Some(4))));
        for wrong in ["conv_4", "identity_3", "conv_", "konv_3", "conv_99", "patches_0"] {
            assert_eq!(Operation::parse(wrong), None, "{wrong}");
        }
    }
}
