"""SA-UNetv2 in Keras, built from its description, for comparison; needs TensorFlow and nothing of ours.

``python keras_peer.py [--size 592] [--repeats 30]`` prints the seconds of every pass as JSON;
``--weights NAME.h5 --reference NAME.reference.npz`` instead prints how far its answer is from a reference.
"""

import argparse
import json
import time

import numpy as np
import tensorflow as tf
from keras import Model, layers, ops


def unit(x, channels):
    """Convolution, GroupNorm, SiLU; DropBlock does nothing in use."""
    x = layers.Conv2D(channels, 3, padding="same")(x)
    x = layers.GroupNormalization(8, epsilon=1e-3)(x)
    return layers.Activation("silu")(x)


def attention(x, first, second):
    """Weigh ``x`` by a 7 x 7 convolution over two maps."""
    weights = layers.Conv2D(1, 7, padding="same", use_bias=False, activation="sigmoid")(
        layers.Concatenate()([first, second])
    )
    return layers.Multiply()([x, weights])


def over_channels(how, x):
    return layers.Lambda(lambda y: how(y, axis=-1, keepdims=True))(x)


def build(size=None):
    """Layers in the order in which they are written, as the reference weights are."""
    image = x = layers.Input((size, size, 3))
    skips = []
    for channels in (16, 32, 48):
        x = unit(unit(x, channels), channels)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = unit(x, 64)
    x = attention(x, over_channels(ops.mean, x), over_channels(ops.max, x))
    x = unit(x, 64)
    for channels in (48, 32, 16):
        x = layers.Conv2DTranspose(channels, 3, strides=2, padding="same")(x)
        skip = skips.pop()
        gated = attention(skip, over_channels(ops.mean, skip), over_channels(ops.mean, x))
        x = layers.Concatenate()([x, gated])
        x = unit(unit(x, channels), channels)
    return Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def load(model, path):
    """Put weights in place, kind by kind of layer, in the order of the counters in their names."""
    import h5py

    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        stored = {name: _values(root[name]) for name in root}
    for kind, ours in _by_kind(layer.name for layer in model.layers if layer.weights).items():
        theirs = _by_kind(name for name, values in stored.items() if values)[kind]
        for mine, other in zip(ours, theirs, strict=True):
            model.get_layer(mine).set_weights(stored[other])


def _values(group):
    """Weights of a layer; Keras names them bias, kernel or beta, gamma and wants them the other way round."""
    found = []
    group.visititems(lambda _, item: found.append(item[()]) if hasattr(item, "dtype") else None)
    return found[::-1]


def _by_kind(names):
    """Names without their counter, each with all names that have it, by counter."""
    kinds = {}
    for name in names:
        kind, _, tail = name.rpartition("_")
        kind, number = (kind, int(tail)) if tail.isdigit() else (name, 0)
        kinds.setdefault(kind, []).append((number, name))
    return {kind: [name for _, name in sorted(members)] for kind, members in kinds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=592)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--weights")
    parser.add_argument("--reference")
    chosen = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
    if chosen.weights:
        model = build()
        load(model, chosen.weights)
        known = np.load(chosen.reference)
        prediction = model(known["input"]).numpy()
        print(
            json.dumps(
                {
                    "parameters": model.count_params(),
                    "largest": float(np.abs(prediction - known["output"]).max()),
                }
            )
        )
        return
    model = build(chosen.size)
    image = tf.random.uniform((1, chosen.size, chosen.size, 3))
    run = tf.function(lambda x: model(x, training=False))
    run(image)
    times = []
    for _ in range(chosen.repeats):
        begun = time.perf_counter()
        run(image).numpy()
        times.append(time.perf_counter() - begun)
    print(json.dumps({"version": tf.__version__, "seconds": times}))


if __name__ == "__main__":
    main()
