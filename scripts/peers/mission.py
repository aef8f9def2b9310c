"""The mission's CNN in Keras, for the scripts that train or export it."""


def build():
    import keras
    from keras import layers

    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def use_threads(count):
    """TensorFlow fixes its pools at the first operation."""
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(count)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    tensorflow.get_logger().setLevel("ERROR")
