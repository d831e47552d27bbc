//! ONNX operators as operators of the graph, one file for each kind.

mod activation;
mod arithmetic;
mod constant;
mod conv;
mod dense;
mod dims;
mod layout;
mod normalization;
mod passing;
mod pool;
mod reduce;
mod reshape;
mod window;

use super::ImportError;
use super::site::Site;
use super::value::Value;

/// Reads one node: its first output. Others are left with the site.
pub(super) type Reader = fn(&mut Site<'_>) -> Result<Value, ImportError>;

/// The reader of an operator of ONNX's own domain.
pub(super) fn reader(op_type: &str) -> Option<Reader> {
    READERS.iter().find(|(name, _)| *name == op_type).map(|(_, reader)| *reader)
}

const READERS: &[(&str, Reader)] = &[
    ("Add", arithmetic::add),
    ("AveragePool", pool::average),
    ("BatchNormalization", normalization::batch_norm),
    ("Cast", passing::cast),
    ("Clip", activation::clip),
    ("Concat", layout::concat),
    ("Constant", constant::constant),
    ("Conv", conv::conv),
    ("Div", arithmetic::div),
    ("Dropout", passing::dropout),
    ("Erf", activation::erf),
    ("Flatten", reshape::flatten),
    ("Gather", dims::gather),
    ("Gelu", activation::gelu),
    ("Gemm", dense::gemm),
    ("GlobalAveragePool", pool::global_average),
    ("HardSigmoid", activation::hard_sigmoid),
    ("HardSwish", activation::hard_swish),
    ("Identity", passing::identity),
    ("LayerNormalization", normalization::layer_norm),
    ("MatMul", dense::matmul),
    ("MaxPool", pool::max),
    ("Mul", arithmetic::mul),
    ("ReduceMean", reduce::mean),
    ("Relu", activation::relu),
    ("Reshape", reshape::reshape),
    ("Shape", dims::shape),
    ("Sigmoid", activation::sigmoid),
    ("Slice", layout::slice),
    ("Softmax", layout::softmax),
    ("Split", layout::split),
    ("Squeeze", reshape::squeeze),
    ("Sub", arithmetic::sub),
    ("Sum", arithmetic::sum),
    ("Transpose", layout::transpose),
    ("Unsqueeze", reshape::unsqueeze),
];

#[cfg(test)]
mod tests {
    use super::READERS;

    #[test]
    fn each_operator_is_listed_once() {
        assert!(READERS.is_sorted_by(|(a, _), (b, _)| a < b), "sorted, without repetitions");
    }
}
