"""Files as ALOHA's recorder with a mobile base writes them, by h5py alone."""

import numpy as np

CAMERAS = ("cam_high", "cam_left_wrist", "cam_right_wrist")


def write_aloha_files(folder, lengths=(41, 61, 51, 46), size=(24, 32)):
    """Writes an episode of each length: 14 joints, a base, three cameras."""
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number, rows in enumerate(lengths):
        with h5py.File(folder / f"episode_{number}.hdf5", "w") as file:
            file.attrs["sim"] = True
            file["action"] = rng.standard_normal((rows, 14))
            file["base_action"] = rng.standard_normal((rows, 2))
            file["observations/qpos"] = rng.standard_normal((rows, 14)) * np.arange(14)
            file["observations/qvel"] = rng.standard_normal((rows, 14))
            for camera in CAMERAS:
                file[f"observations/images/{camera}"] = rng.integers(0, 256, (rows, *size, 3), np.uint8)
    return folder
