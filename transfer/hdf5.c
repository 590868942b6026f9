/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/hdf5.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>

#include "transfer/text.h"

/*
 * The only name that the driver opens.  A file can name it too, hence `taken` below.  Absolute, for
 * the library asks for the working directory otherwise.
 */
#define ONLY_NAME "/(descriptor)"

/* The descriptor that a file lives on; each may be opened once. */
struct source {
	int fd;
	uint64_t size;
	bool taken;
	unsigned refused; /* other names that the library asked for */
};

struct driver_file {
	H5FD_t pub; /* must be first */
	struct source *source;
	haddr_t eoa;
};

struct hdf5_library {
	hid_t driver;
	hid_t transfer; /* reading with bounded memory for variable-length text */
};

struct hdf5 {
	struct source source;
	hid_t file;
	hid_t transfer;
	unsigned objects, refused;
	bool cut; /* a group has more members than are listed */
};

/* ---- the driver: pread on one descriptor, nothing else ---- */

static H5FD_t *
driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
	struct source *const *source = H5Pget_driver_info(fapl);

	(void)maxaddr;
	if (source == NULL)
		return NULL;
	if (strcmp(name, ONLY_NAME) != 0 || (*source)->taken || (flags & H5F_ACC_RDWR) != 0) {
		(*source)->refused++;
		return NULL;
	}
	struct driver_file *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->source = *source;
	f->source->taken = true;
	return (H5FD_t *)f; /* its first member */
}

static herr_t
driver_close(H5FD_t *pub)
{
	((struct driver_file *)pub)->source->taken = false;
	free(pub);
	return 0;
}

static int
driver_cmp(const H5FD_t *a, const H5FD_t *b)
{
	uintptr_t x = (uintptr_t)((const struct driver_file *)a)->source;
	uintptr_t y = (uintptr_t)((const struct driver_file *)b)->source;

	return (x > y) - (x < y);
}

static herr_t
driver_query(const H5FD_t *pub, unsigned long *flags)
{
	(void)pub;
	if (flags != NULL) /* SWMR: so that a file which is being written can be read */
		*flags = H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_SUPPORTS_SWMR_IO;
	return 0;
}

static haddr_t
driver_get_eoa(const H5FD_t *pub, H5FD_mem_t type)
{
	(void)type;
	return ((const struct driver_file *)pub)->eoa;
}

static herr_t
driver_set_eoa(H5FD_t *pub, H5FD_mem_t type, haddr_t addr)
{
	(void)type;
	((struct driver_file *)pub)->eoa = addr;
	return 0;
}

static haddr_t
driver_get_eof(const H5FD_t *pub, H5FD_mem_t type)
{
	(void)type;
	return ((const struct driver_file *)pub)->source->size;
}

/* Bytes past the end are zero, as the library's own drivers have it. */
static herr_t
driver_read(H5FD_t *pub, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size, void *out)
{
	const struct driver_file *f = (struct driver_file *)pub;
	char *p = out;

	(void)type;
	(void)dxpl;
	if (addr == HADDR_UNDEF || addr > f->eoa || size > f->eoa - addr)
		return -1;
	while (size > 0) {
		ssize_t n = pread(f->source->fd, p, size, (off_t)addr);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			memset(p, 0, size);
			return 0;
		}
		p += n;
		addr += (haddr_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static herr_t
driver_write(H5FD_t *pub, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size, const void *in)
{
	(void)pub;
	(void)type;
	(void)dxpl;
	(void)addr;
	(void)size;
	(void)in;
	return -1;
}

static const H5FD_class_t driver_class = {
	.name = "descriptor",
	.maxaddr = INT64_MAX,
	.fc_degree = H5F_CLOSE_STRONG,
	.fapl_size = sizeof(struct source *),
	.open = driver_open,
	.close = driver_close,
	.cmp = driver_cmp,
	.query = driver_query,
	.get_eoa = driver_get_eoa,
	.set_eoa = driver_set_eoa,
	.get_eof = driver_get_eof,
	.read = driver_read,
	.write = driver_write,
	.fl_map = H5FD_FLMAP_SINGLE,
};

/* ---- memory for variable-length text: asked for one element at a time ---- */

static void *
vlen_alloc(size_t size, void *unused)
{
	(void)unused;
	return size > HDF5_TEXT_MAX + 1 ? NULL : malloc(size);
}

static void
vlen_free(void *p, void *unused)
{
	(void)unused;
	free(p);
}

/* ---- the file ---- */

bool
hdf5_start(struct hdf5_library **ret, struct err *e)
{
	struct hdf5_library *lib = calloc(1, sizeof(*lib));

	if (lib == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for libhdf5");
	/* At exit the library would walk objects of files that may be broken. */
	bool ok = H5dont_atexit() >= 0 && H5open() >= 0 &&
		  H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0 && H5PLset_loading_state(0) >= 0;
	lib->driver = ok ? H5FDregister(&driver_class) : -1;
	lib->transfer = ok ? H5Pcreate(H5P_DATASET_XFER) : -1;
	if (lib->driver < 0 || lib->transfer < 0 ||
		H5Pset_vlen_mem_manager(lib->transfer, vlen_alloc, NULL, vlen_free, NULL) < 0) {
		free(lib);
		return err_set(e, ERR_SYSTEM, NULL, "libhdf5 does not start");
	}
	*ret = lib;
	return true;
}

#define WHY_MAX 160
/* Innermost message of the library; names are not in it, for the driver knows none. */
static herr_t
innermost(unsigned n, const H5E_error2_t *error, void *arg)
{
	if (n == 0 && error->desc != NULL)
		(void)snprintf(arg, WHY_MAX, "%s", error->desc);
	return 0;
}

/* The reason of a failure is of the first try, taken before another call of the library clears it.
 */
static hid_t
open_file(const struct hdf5_library *lib, struct hdf5 *f, char why[WHY_MAX])
{
	struct source *info = &f->source;
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	hid_t file = -1;

	if (fapl < 0)
		return -1;
	if (H5Pset_driver(fapl, lib->driver, &info) >= 0 &&
		H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0)
		file = H5Fopen(ONLY_NAME, H5F_ACC_RDONLY, fapl);
	if (file < 0) {
		(void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, why);
		/* A beamline may be writing it just now. */
		file = H5Fopen(ONLY_NAME, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, fapl);
	}
	(void)H5Pclose(fapl);
	return file;
}

bool
hdf5_open(const struct hdf5_library *lib, int fd, struct hdf5 **ret, struct err *e)
{
	struct stat st;
	char why[WHY_MAX] = "no reason given";

	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "the file cannot be examined");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_SYNTAX, NULL, "not a regular file");
	struct hdf5 *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a file");
	f->source = (struct source){.fd = fd, .size = (uint64_t)st.st_size};
	f->transfer = lib->transfer;
	f->file = open_file(lib, f, why);
	if (f->file < 0) {
		free(f);
		return err_set(e, ERR_SYNTAX, "HDF5", "libhdf5 cannot open it: %s", why);
	}
	*ret = f;
	return true;
}

void
hdf5_close(struct hdf5 *f)
{
	if (f == NULL)
		return;
	/* A driver file that outlives a failed close still points to f: then f stays too. */
	if (H5Fclose(f->file) >= 0 && !f->source.taken)
		free(f);
}

bool
hdf5_exhausted(const struct hdf5 *f)
{
	return f->cut || f->objects >= HDF5_OBJECTS;
}

unsigned
hdf5_refused(const struct hdf5 *f)
{
	return f->refused + f->source.refused;
}

/* ---- objects ---- */

void
hdf5_node_fini(const struct hdf5_node *n)
{
	if (n->id >= 0)
		(void)H5Oclose(n->id);
}

static bool
open_object(struct hdf5 *f, hid_t from, const char *name, struct hdf5_node *ret)
{
	H5O_info_t info;

	if (f->objects >= HDF5_OBJECTS)
		return false;
	f->objects++;
	hid_t id = H5Oopen(from, name, H5P_DEFAULT);
	if (id < 0)
		return false;
	if (H5Oget_info2(id, &info, H5O_INFO_BASIC) < 0) {
		(void)H5Oclose(id);
		return false;
	}
	*ret = (struct hdf5_node){.id = id, .kind = HDF5_OTHER, .address = info.addr};
	if (info.type == H5O_TYPE_GROUP)
		ret->kind = HDF5_GROUP;
	if (info.type == H5O_TYPE_DATASET)
		ret->kind = HDF5_DATASET;
	return true;
}

bool
hdf5_root(struct hdf5 *f, struct hdf5_node *ret)
{
	return open_object(f, f->file, "/", ret) && ret->kind == HDF5_GROUP;
}

/* Closed doors first: a link to another file is never asked for. */
static bool
link_stays_inside(struct hdf5 *f, hid_t group, const char *name)
{
	H5L_info_t link;

	if (H5Lexists(group, name, H5P_DEFAULT) <= 0 ||
		H5Lget_info(group, name, &link, H5P_DEFAULT) < 0)
		return false;
	if (link.type == H5L_TYPE_HARD || link.type == H5L_TYPE_SOFT)
		return true;
	f->refused++;
	return false;
}

bool
hdf5_child(struct hdf5 *f, const struct hdf5_node *group, const char *name, struct hdf5_node *ret)
{
	if (group->kind != HDF5_GROUP || !link_stays_inside(f, group->id, name))
		return false;
	return open_object(f, group->id, name, ret);
}

struct listing {
	struct hdf5 *f;
	struct arena *a;
	const char **names;
	size_t n;
};

static herr_t
list_link(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
	struct listing *l = arg;
	size_t length = strnlen(name, HDF5_NAME_MAX + 1);

	(void)group;
	if (info->type != H5L_TYPE_HARD && info->type != H5L_TYPE_SOFT) {
		l->f->refused++;
		return 0;
	}
	if (length == 0 || length > HDF5_NAME_MAX)
		return 0;
	l->f->cut = l->f->cut || l->n == HDF5_MEMBERS;
	if (l->n == HDF5_MEMBERS)
		return 1; /* ends the walk */
	char *copy = arena_str(l->a, (struct span){name, length});
	if (copy == NULL)
		return 1;
	l->names[l->n++] = copy;
	return 0;
}

bool
hdf5_names(struct hdf5 *f, const struct hdf5_node *group, struct arena *a, const char *const **ret,
	size_t *ret_n)
{
	struct listing l = {.f = f, .a = a};
	hsize_t at = 0;

	if (group->kind != HDF5_GROUP)
		return false;
	l.names = arena_array(a, HDF5_MEMBERS, sizeof(*l.names));
	if (l.names == NULL ||
		H5Literate(group->id, H5_INDEX_NAME, H5_ITER_INC, &at, list_link, &l) < 0)
		return false;
	*ret = l.names;
	*ret_n = l.n;
	return true;
}

/* ---- values: every size is looked at before a byte is read ---- */

/* One value: where it stands and what it is.  Exactly one of attr and dataset is set. */
struct value {
	hid_t attr, dataset;
	hid_t type, space;
	hid_t transfer;
	H5T_class_t class;
	size_t size;
	bool variable; /* variable-length text */
};

static void
value_fini(const struct value *v)
{
	if (v->space >= 0)
		(void)H5Sclose(v->space);
	if (v->type >= 0)
		(void)H5Tclose(v->type);
	if (v->attr >= 0)
		(void)H5Aclose(v->attr);
}
#define AUTO_VALUE __attribute__((cleanup(value_fini))) struct value

static bool
value_describe(struct value *v)
{
	v->type = v->attr >= 0 ? H5Aget_type(v->attr) : H5Dget_type(v->dataset);
	v->space = v->attr >= 0 ? H5Aget_space(v->attr) : H5Dget_space(v->dataset);
	if (v->type < 0 || v->space < 0 || H5Sget_simple_extent_npoints(v->space) != 1)
		return false;
	v->class = H5Tget_class(v->type);
	v->size = H5Tget_size(v->type);
	v->variable = v->class == H5T_STRING && H5Tis_variable_str(v->type) > 0;
	if (v->size == 0)
		return false;
	if (v->class == H5T_INTEGER || v->class == H5T_FLOAT)
		return v->size <= 16;
	return v->class == H5T_STRING && v->size <= HDF5_TEXT_MAX;
}

static bool
attr_value(const struct hdf5_node *n, const char *name, struct value *v)
{
	if (H5Aexists(n->id, name) <= 0)
		return false;
	v->attr = H5Aopen(n->id, name, H5P_DEFAULT);
	return v->attr >= 0 && value_describe(v);
}

/* The bytes lie in this file, and one value does not cost a huge chunk (hdf5.md R31, L1, L3). */
static bool
storage_is_plain(struct hdf5 *f, hid_t plist, size_t element)
{
	hsize_t dims[H5S_MAX_RANK];
	uint64_t bytes = element;
	H5D_layout_t layout = H5Pget_layout(plist);

	if (layout == H5D_VIRTUAL || H5Pget_external_count(plist) != 0) {
		f->refused++;
		return false;
	}
	if (layout == H5D_COMPACT || layout == H5D_CONTIGUOUS)
		return true;
	int rank = layout == H5D_CHUNKED ? H5Pget_chunk(plist, H5S_MAX_RANK, dims) : -1;
	for (int i = 0; i < rank; i++)
		if (__builtin_mul_overflow(bytes, dims[i], &bytes))
			return false;
	return rank > 0 && bytes <= HDF5_CHUNK_MAX;
}

static bool
dataset_value(struct hdf5 *f, const struct hdf5_node *n, struct value *v)
{
	if (n->kind != HDF5_DATASET)
		return false;
	hid_t plist = H5Dget_create_plist(n->id);
	hid_t type = H5Dget_type(n->id);
	/* Before H5Dget_space: for a virtual dataset that would look for its sources. */
	bool plain = plist >= 0 && type >= 0 && storage_is_plain(f, plist, H5Tget_size(type));
	if (plist >= 0)
		(void)H5Pclose(plist);
	if (type >= 0)
		(void)H5Tclose(type);
	v->dataset = n->id;
	v->transfer = f->transfer;
	return plain && value_describe(v);
}

static bool
value_read(const struct value *v, hid_t as, void *out)
{
	if (v->attr >= 0)
		return H5Aread(v->attr, as, out) >= 0;
	return H5Dread(v->dataset, as, H5S_ALL, H5S_ALL, v->transfer, out) >= 0;
}

static bool
text_variable(const struct value *v, struct arena *a, struct span *ret)
{
	char *p = NULL;

	if (!value_read(v, v->type, &p) || p == NULL)
		return false;
	size_t n = strnlen(p, HDF5_TEXT_MAX + 1);
	struct span text = n > HDF5_TEXT_MAX ? SPAN_NONE : text_utf8((struct span){p, n}, a);
	(void)H5Dvlen_reclaim(
		v->type, v->space, v->attr >= 0 ? H5P_DEFAULT : v->transfer, (void *)&p);
	if (text.p == NULL)
		return false;
	*ret = text;
	return true;
}

static bool
text_fixed(const struct value *v, struct arena *a, struct span *ret)
{
	char bytes[HDF5_TEXT_MAX + 1] = {0};

	if (v->size > HDF5_TEXT_MAX || !value_read(v, v->type, bytes))
		return false;
	struct span text = text_utf8((struct span){bytes, strnlen(bytes, v->size)}, a);
	if (text.p == NULL)
		return false;
	*ret = text;
	return true;
}

static bool
number(const struct value *v, double *ret)
{
	double read[2] = {0, 0};

	if (v->class == H5T_STRING || !value_read(v, H5T_NATIVE_DOUBLE, read))
		return false;
	*ret = read[0];
	return true;
}

static bool
text_number(const struct value *v, struct arena *a, struct span *ret)
{
	double d = 0;

	if (!number(v, &d) || !isfinite(d))
		return false;
	*ret = arena_printf(a, "%.15g", d); /* run numbers as they are */
	return ret->p != NULL;
}

static bool
value_text(const struct value *v, struct arena *a, struct span *ret)
{
	if (v->class != H5T_STRING)
		return text_number(v, a, ret);
	return v->variable ? text_variable(v, a, ret) : text_fixed(v, a, ret);
}

bool
hdf5_attr_text(struct hdf5 *f, const struct hdf5_node *n, const char *name, struct arena *a,
	struct span *ret)
{
	AUTO_VALUE v = {.attr = -1, .dataset = -1, .type = -1, .space = -1};

	(void)f;
	return attr_value(n, name, &v) && value_text(&v, a, ret);
}

bool
hdf5_text(struct hdf5 *f, const struct hdf5_node *dataset, struct arena *a, struct span *ret)
{
	AUTO_VALUE v = {.attr = -1, .dataset = -1, .type = -1, .space = -1};

	return dataset_value(f, dataset, &v) && value_text(&v, a, ret);
}

bool
hdf5_number(struct hdf5 *f, const struct hdf5_node *dataset, double *ret)
{
	AUTO_VALUE v = {.attr = -1, .dataset = -1, .type = -1, .space = -1};

	return dataset_value(f, dataset, &v) && number(&v, ret);
}

const char *
hdf5_version(char *out, size_t n)
{
	unsigned major = 0;
	unsigned minor = 0;
	unsigned patch = 0;

	(void)H5get_libversion(&major, &minor, &patch);
	(void)snprintf(out, n, "%u.%u.%u", major, minor, patch);
	return out;
}
