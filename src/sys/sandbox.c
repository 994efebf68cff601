#include "sandbox.h"

bool sandbox_closed;
