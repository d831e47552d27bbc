//! Layer shapes of known networks: the CSV files `conv.csv`, `dwconv.csv`, `pooling.csv` and `fc.csv` of a folder, as nn-Meter publishes them.
//!
//! Columns are found by name: `input_h`, `cin`, `cout`, `ks`, `stride` and, for convolutions, `groups`. Images are square.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Most layers that are read of one file.
const MOST_LAYERS: usize = 100_000;
/// Largest extent or number of channels of a layer.
const LARGEST: usize = 1 << 16;

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LayerKind {
    Conv,
    MaxPool,
    Dense,
}

/// One layer's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Layer {
    pub(super) kind: LayerKind,
    /// Height and width of its input; 1 for dense layers.
    pub(super) extent: usize,
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) groups: usize,
}

/// The files, each with its kind.
const FILES: [(&str, LayerKind); 4] = [
    ("conv.csv", LayerKind::Conv),
    ("dwconv.csv", LayerKind::Conv),
    ("pooling.csv", LayerKind::MaxPool),
    ("fc.csv", LayerKind::Dense),
];

/// The different layers of a folder, in a fixed order. Files that are not there are left out.
///
/// # Errors
/// When a file is wrong, or there is none with a convolution.
pub(super) fn read_layers(folder: &Path) -> Result<Vec<Layer>> {
    let mut layers = Vec::new();
    for (name, kind) in FILES {
        let path = folder.join(name);
        if path.exists() {
            layers.extend(read_file(&path, kind)?);
        }
    }
    layers.sort_unstable();
    layers.dedup();
    if !layers.iter().any(|layer| layer.kind == LayerKind::Conv) {
        let message = format!("{} has no conv.csv or dwconv.csv with layer shapes", folder.display());
        return Err(Error::new(ErrorKind::Data, message));
    }
    Ok(layers)
}

fn read_file(path: &Path, kind: LayerKind) -> Result<Vec<Layer>> {
    let wrong = |cause: String| Error::new(ErrorKind::Data, format!("{}: {cause}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|e| wrong(e.to_string()))?;
    let headers = reader.headers().map_err(|e| wrong(e.to_string()))?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim() == name);
    let mut layers = Vec::new();
    for record in reader.records().take(MOST_LAYERS) {
        let record = record.map_err(|e| wrong(e.to_string()))?;
        let number = |name: &str, absent: Option<usize>| {
            let Some(column) = column(name) else { return absent.ok_or_else(|| wrong(format!("no column `{name}`"))) };
            let text = record.get(column).unwrap_or_default().trim();
            let number = text.parse::<usize>().ok().filter(|number| (1..=LARGEST).contains(number));
            number.ok_or_else(|| wrong(format!("`{text}` in column `{name}` is not a size from 1 to {LARGEST}")))
        };
        let window = if kind == LayerKind::Dense { Some(1) } else { None };
        layers.push(Layer {
            kind,
            extent: number("input_h", window)?,
            in_channels: number("cin", None)?,
            out_channels: number("cout", None)?,
            kernel: number("ks", window)?,
            stride: number("stride", window)?,
            groups: number("groups", Some(1))?,
        });
    }
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{LayerKind, read_layers};

    #[test]
    fn layers_are_read_once_each_and_wrong_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = read_layers(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("conv.csv"), "{refused}");
        let conv = "model,input_h,input_w,cin,cout,ks,stride,groups\na,32,32,3,16,3,1,1\nb,32,32,3,16,3,1,1\n";
        fs::write(folder.path().join("conv.csv"), conv).unwrap();
        fs::write(folder.path().join("fc.csv"), "model,cin,cout\na,16,10\n").unwrap();
        let layers = read_layers(folder.path()).unwrap();
        assert_eq!(layers.iter().map(|layer| layer.kind).collect::<Vec<_>>(), [LayerKind::Conv, LayerKind::Dense]);
        assert_eq!((layers[0].extent, layers[0].out_channels, layers[1].extent), (32, 16, 1));
        fs::write(folder.path().join("fc.csv"), "model,cin,cout\na,none,10\n").unwrap();
        let wrong = read_layers(folder.path()).unwrap_err().to_string();
        assert!(wrong.contains("fc.csv") && wrong.contains("`none`"), "{wrong}");
    }
}
