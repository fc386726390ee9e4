"""Data sets for the lessons, loaders for your own data, and the classes `DataSet` and `Series`.

>>> from data import load_ecg5000, split
>>> training, validation, calibration, test = split(load_ecg5000(), seed=0)
>>> training
DataSet 'ECG5000, training': 2043 sequences of 140 steps, 1 feature; 2043 normal
"""

from data.csv_file import CSVWarning, load_csv
from data.data_set import DataSet
from data.recordings import (
    Recording,
    load_ecg5000,
    load_ecg_diff_count,
    load_internal_bleeding,
    load_mitbih,
    load_oil_well,
)
from data.series import Series
from data.series_check import Finding, SeriesCheck, check_series
from data.splitting import Split, split
from data.synthetic import ANOMALY_KINDS, Anomaly, synthetic_series
from data.ucr import UCRDataSet, load_ucr, load_ucr_anomalies, load_ucr_anomaly

__all__ = [
    "ANOMALY_KINDS",
    "Anomaly",
    "CSVWarning",
    "DataSet",
    "Finding",
    "Recording",
    "Series",
    "SeriesCheck",
    "Split",
    "UCRDataSet",
    "check_series",
    "load_csv",
    "load_ecg5000",
    "load_ecg_diff_count",
    "load_internal_bleeding",
    "load_mitbih",
    "load_oil_well",
    "load_ucr",
    "load_ucr_anomalies",
    "load_ucr_anomaly",
    "split",
    "synthetic_series",
]
