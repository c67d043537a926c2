"The rows of the table in `test_faults.py`, one module for each kind of fault"
