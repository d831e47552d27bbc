//! Small ONNX files, written field by field (onnx.proto, IR version 8, opset 17).

/// One message of protobuf's wire format.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn number(self, field: u64, value: i64) -> Self {
        self.varint(field << 3).varint(value as u64)
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut with_length = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        with_length.0.extend_from_slice(bytes);
        with_length
    }

    fn message(self, field: u64, message: &Message) -> Self {
        self.bytes(field, &message.0)
    }

    fn messages(self, field: u64, messages: &[Message]) -> Self {
        messages.iter().fold(self, |whole, message| whole.message(field, message))
    }

    fn texts(self, field: u64, texts: &[&str]) -> Self {
        texts.iter().fold(self, |whole, text| whole.bytes(field, text.as_bytes()))
    }
}

const FLOAT: i64 = 1;
const INT64: i64 = 7;
const BOOL: i64 = 9;

/// A node; its name is that of its first output with `_node` behind.
fn node(op: &str, inputs: &[&str], output: &str, attributes: &[Message]) -> Message {
    Message::default()
        .texts(1, inputs)
        .texts(2, &[output])
        .bytes(3, format!("{output}_node").as_bytes())
        .bytes(4, op.as_bytes())
        .messages(5, attributes)
}

fn integers(name: &str, values: &[i64]) -> Message {
    let attribute = Message::default().bytes(1, name.as_bytes());
    let attribute = values.iter().fold(attribute, |whole, value| whole.number(8, *value));
    attribute.number(20, 7)
}

fn integer(name: &str, value: i64) -> Message {
    Message::default().bytes(1, name.as_bytes()).number(3, value).number(20, 2)
}

/// An initializer of floats that follow a simple pattern.
fn weights(name: &str, dims: &[i64]) -> Message {
    let count: i64 = dims.iter().product();
    let values: Vec<u8> = (0..count).flat_map(|i| ((i % 7 - 3) as f32 * 0.1).to_le_bytes()).collect();
    tensor(name, dims, FLOAT, &values)
}

fn tensor(name: &str, dims: &[i64], kind: i64, values: &[u8]) -> Message {
    let tensor = dims.iter().fold(Message::default(), |whole, dim| whole.number(1, *dim));
    tensor.number(2, kind).bytes(8, name.as_bytes()).bytes(9, values)
}

/// An axis: its size, or the name of a size that is not known.
enum Axis {
    Size(i64),
    Named(&'static str),
}

fn value(name: &str, axes: &[Axis]) -> Message {
    typed_value(name, FLOAT, axes)
}

fn typed_value(name: &str, kind: i64, axes: &[Axis]) -> Message {
    let dims: Vec<Message> = axes
        .iter()
        .map(|axis| match axis {
            Axis::Size(size) => Message::default().number(1, *size),
            Axis::Named(name) => Message::default().bytes(2, name.as_bytes()),
        })
        .collect();
    let shape = Message::default().messages(1, &dims);
    let tensor_type = Message::default().number(1, kind).message(2, &shape);
    let kind = Message::default().message(1, &tensor_type);
    Message::default().bytes(1, name.as_bytes()).message(2, &kind)
}

fn sizes(sizes: &[i64]) -> Vec<Axis> {
    sizes.iter().map(|size| Axis::Size(*size)).collect()
}

fn model(nodes: &[Message], inputs: &[Message], outputs: &[Message], initializers: &[Message]) -> Vec<u8> {
    let graph = Message::default()
        .messages(1, nodes)
        .bytes(2, b"test")
        .messages(5, initializers)
        .messages(11, inputs)
        .messages(12, outputs);
    let opset = Message::default().number(2, 17);
    Message::default().number(1, 8).message(7, &graph).message(8, &opset).0
}

/// Convolution, ReLU, depthwise convolution, global pooling, flatten, dense: input `x` of
/// N x 3 x 16 x 16, output `y` of N x 4.
pub(crate) fn network(batch: Option<i64>) -> Vec<u8> {
    let batch = || batch.map_or(Axis::Named("N"), Axis::Size);
    let pads = integers("pads", &[1, 1, 1, 1]);
    model(
        &[
            node("Conv", &["x", "w1"], "c1", std::slice::from_ref(&pads)),
            node("Relu", &["c1"], "r1", &[]),
            node("Conv", &["r1", "w2"], "c2", &[pads, integer("group", 8)]),
            node("GlobalAveragePool", &["c2"], "p", &[]),
            node("Flatten", &["p"], "f", &[]),
            node("Gemm", &["f", "w3"], "y", &[]),
        ],
        &[value("x", &[batch(), Axis::Size(3), Axis::Size(16), Axis::Size(16)])],
        &[value("y", &[batch(), Axis::Size(4)])],
        &[weights("w1", &[8, 3, 3, 3]), weights("w2", &[8, 1, 3, 3]), weights("w3", &[8, 4])],
    )
}

/// `y = x + x` on a vector of 4.
pub(crate) fn double() -> Vec<u8> {
    model(&[node("Add", &["x", "x"], "y", &[])], &[value("x", &sizes(&[1, 4]))], &[value("y", &sizes(&[1, 4]))], &[])
}

/// An operator that no runtime has.
pub(crate) fn unknown_operator() -> Vec<u8> {
    model(&[node("Frobnicate", &["x"], "y", &[])], &[value("x", &sizes(&[1, 4]))], &[value("y", &sizes(&[1, 4]))], &[])
}

/// A matrix product whose sizes do not fit.
pub(crate) fn wrong_shape() -> Vec<u8> {
    model(
        &[node("MatMul", &["x", "w"], "y", &[])],
        &[value("x", &sizes(&[1, 5]))],
        &[value("y", &sizes(&[1, 4]))],
        &[weights("w", &[4, 4])],
    )
}

/// A ReLU over a sequence of unknown length.
pub(crate) fn dynamic() -> Vec<u8> {
    let axes = || [Axis::Size(1), Axis::Named("T"), Axis::Size(2)];
    model(&[node("Relu", &["x"], "y", &[])], &[value("x", &axes())], &[value("y", &axes())], &[])
}

/// Asks for a tensor of 8 TiB.
pub(crate) fn huge() -> Vec<u8> {
    let shape: Vec<u8> = [1_i64 << 20, 1 << 21].iter().flat_map(|size| size.to_le_bytes()).collect();
    model(
        &[
            node("ConstantOfShape", &["s"], "z", &[]),
            node("Add", &["z", "x"], "z2", &[]),
            node("ReduceMax", &["z2"], "y", &[integer("keepdims", 0)]),
        ],
        &[value("x", &sizes(&[1]))],
        &[value("y", &[])],
        &[tensor("s", &[2], INT64, &shape)],
    )
}

/// Twenty products of 4096 x 4096 matrices: minutes of work for one core.
pub(crate) fn endless() -> Vec<u8> {
    let mut nodes = vec![node("Transpose", &["x"], "t", &[]), node("MatMul", &["t", "x"], "m0", &[])];
    for step in 1..=20 {
        let (from, to) = (format!("m{}", step - 1), format!("m{step}"));
        nodes.push(node("MatMul", &[&from, &from], &to, &[]));
    }
    nodes.push(node("ReduceMax", &["m20"], "y", &[integer("keepdims", 0)]));
    model(&nodes, &[value("x", &sizes(&[1, 4096]))], &[value("y", &[])], &[])
}

/// A loop whose condition is always true, around one node `next` that makes `w` of the state `v`.
fn always(next: Message) -> Vec<u8> {
    let vector = |name: &str| value(name, &[Axis::Named("N")]);
    let body = Message::default()
        .messages(1, &[node("Identity", &["on"], "on_again", &[]), next])
        .bytes(2, b"body")
        .messages(11, &[typed_value("step", INT64, &[]), typed_value("on", BOOL, &[]), vector("v")])
        .messages(12, &[typed_value("on_again", BOOL, &[]), vector("w")]);
    let body = Message::default().bytes(1, b"body").message(6, &body).number(20, 5);
    model(
        &[node("Loop", &["", "yes", "x"], "y", &[body])],
        &[value("x", &sizes(&[4]))],
        &[vector("y")],
        &[tensor("yes", &[], BOOL, &[1])],
    )
}

/// Runs for ever, in one run.
pub(crate) fn forever() -> Vec<u8> {
    always(node("Neg", &["v"], "w", &[]))
}

/// Runs until there is no memory left, in one run: its state doubles again and again.
pub(crate) fn growing() -> Vec<u8> {
    always(node("Concat", &["v", "v"], "w", &[integer("axis", 0)]))
}

/// Weights that are in another file.
pub(crate) fn external_data() -> Vec<u8> {
    let location = Message::default().bytes(1, b"location").bytes(2, b"weights.bin");
    let weights = Message::default().number(1, 1).number(1, 4).number(2, FLOAT).bytes(8, b"w").message(13, &location);
    let weights = weights.number(14, 1);
    model(
        &[node("Add", &["x", "w"], "y", &[])],
        &[value("x", &sizes(&[1, 4]))],
        &[value("y", &sizes(&[1, 4]))],
        &[weights],
    )
}
