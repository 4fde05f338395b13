// Links the code that runs before `main`: the check of the processor and the choice of OpenBLAS's
// kernels.
import CProcessor
